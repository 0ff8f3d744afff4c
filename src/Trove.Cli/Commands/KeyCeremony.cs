using System.Collections.Immutable;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>
/// A founder's side of the ceremony in which the guardians make an asset's keys (specs/custody.md). The node passes messages on;
/// what came of it the founder computes from the messages themselves.
/// </summary>
internal static class KeyCeremony
{
    private const int Poll = 250; // milliseconds

    /// <summary>Asks the guardians for keys and waits for them.</summary>
    /// <param name="chain">Says where the registry of this founder and salt will be; the keys are for it alone.</param>
    /// <param name="report">Told who is still waited for.</param>
    /// <exception cref="CommandException">The ceremony failed; it names who kept it from succeeding.</exception>
    public static async Task<CeremonyTranscript> RunAsync(TroveClient client, NodeInfo info, EthClient chain, SigningKey founder, Hash32 salt, IReadOnlyList<Address> guardians, int threshold,
        Action<string> report, CancellationToken ct)
    {
        var nonce = Shared.Nonce();
        var registry = (await new AssetFactory(info.Factory).PredictAsync(chain, founder.Address, salt, cancel: ct)).Registry;
        var terms = CeremonyTerms.Create(info.ChainId, registry, nonce, NewCommittee(guardians, threshold));
        long deadline = Shared.Deadline();
        var digest = Messages.StartCeremony(Messages.Domain(info.ChainId, info.Factory), terms.Id, founder.Address, salt, deadline);
        await client.StartCeremonyAsync(new CeremonyRequest(founder.Address, salt, guardians, (uint)threshold, nonce, deadline, Hex.Encode(founder.Sign(digest))), ct);
        while (true)
        {
            var ceremony = await client.CeremonyAsync(terms.Id, ct);
            var transcript = Read(terms, ceremony);
            if (transcript.Key is not null)
                return transcript;
            if (ceremony.State != "open")
                throw Failed(ceremony);
            report(InWords(transcript));
            await Task.Delay(Poll, ct);
        }
    }

    /// <summary>The round and who has not been heard in it, for people who wait.</summary>
    public static string InWords(CeremonyTranscript transcript)
    {
        var what = transcript.Round switch
        {
            CeremonyRound.Join => "the guardians join the key ceremony",
            CeremonyRound.Deal => "the guardians deal each other shares",
            CeremonyRound.Check => "the guardians check their shares",
            _ => "the guardians confirm the keys",
        };
        var heard = transcript.Messages.Where(m => m.Round == transcript.Round).Select(m => m.Author).ToImmutableHashSet();
        var silent = transcript.Terms.Seats.Select(s => s.Guardian).Where(g => !heard.Contains(g)).ToList();
        return silent.Count == 0 ? what : $"{what}; waiting for {string.Join(", ", silent)}";
    }

    private static CeremonyTranscript Read(CeremonyTerms terms, CeremonyInfo ceremony)
    {
        try
        {
            var transcript = new CeremonyTranscript(terms);
            foreach (var message in ceremony.Messages)
                transcript.Receive(CeremonyMessage.Parse(Convert.FromBase64String(message)));
            foreach (var closing in ceremony.Closings)
                transcript.Receive(CeremonyClosing.Parse(Convert.FromBase64String(closing)));
            return transcript;
        }
        catch (Exception e) when (e is CeremonyException or FormatException)
        {
            throw new CommandException($"the node shows what is no ceremony: {e.Message}", "ask another node");
        }
    }

    private static CommandException Failed(CeremonyInfo ceremony)
    {
        var whose = ceremony.Findings.Count == 0 ? "" : $" ({string.Join(", ", ceremony.Findings.Select(f => $"{f.Guardian}: {Shared.Safe(f.Fault)} in {Shared.Safe(f.Round)}"))})";
        return new CommandException($"the guardians' ceremony ended without keys: {Shared.Safe(ceremony.Failure ?? "unknown")}{whose}",
            "see that each guardian runs ('trove guardian'), then create the asset again; nothing was put on chain");
    }

    private static Committee NewCommittee(IReadOnlyList<Address> guardians, int threshold)
    {
        try
        {
            return new Committee(1, threshold, guardians);
        }
        catch (CeremonyException e)
        {
            throw new CommandException(e.Message, "name each guardian once with --guardian, and a --guardian-threshold up to their number");
        }
    }
}
