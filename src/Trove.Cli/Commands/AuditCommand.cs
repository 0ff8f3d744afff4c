using System.CommandLine;
using System.Globalization;
using Trove.Chain.Abi;
using Trove.Chain.Events;
using Trove.Chain.Replay;
using Trove.Core;

namespace Trove.Cli.Commands;

/// <summary>Holds an asset's contracts against their own events.</summary>
internal static class AuditCommand
{
    public static Command Audit()
    {
        var asset = new Argument<string?>("ASSET") { Description = "Symbol or address", Arity = ArgumentArity.ZeroOrOne };
        var node = Shared.Node();
        var rpc = Shared.Rpc("One's own view of the chain; the node's embedded one by default");
        var factory = new Option<string?>("--factory") { Description = "The factory that founded it; the one the node names by default" };
        var command = new Command("audit", """
            Makes an asset's whole state anew from the chain's events alone (shares, votes, dividends, epochs, withdrawals, verifiers, guardians, proposals, requests, escrow, stakes) and compares it with what the contracts say. Nothing is asked of the node but where things are: give --rpc and --factory, and it is not asked at all.
            Exit code 1 when something differs. For example: trove asset audit TIDE --rpc https://rpc.example
            """) { asset, node, rpc, factory };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var named = r.GetValue(asset);
            var address = named is not null && Address.TryParse(named, out var given) ? given : (await Shared.FindAssetAsync(client, named, ct)).Asset;
            var founder = r.GetValue(factory) is { } f ? VoteCommands.ParseAddress(f) : (await client.InfoAsync(ct)).Factory;
            using var chain = await Shared.ChainAsync(client, r.GetValue(rpc), ct);
            using var progress = new Progress();
            AuditResult result;
            try
            {
                var replay = await AssetReplay.ReadAsync(chain, founder, address, (block, events) => progress.Report($"block {block.ToString("N0", CultureInfo.InvariantCulture)}, events", events, null), ct);
                result = await AssetAudit.CompareAsync(chain, replay, (done, all) => progress.Report("comparing", done, all), ct);
            }
            catch (ReorganisationTooDeepException e)
            {
                throw new CommandException(e.Message, "run it again; give a chain that is not rewritten so deep");
            }
            catch (Exception e) when (e is InvalidDataException or AbiException)
            {
                throw new CommandException(e.Message, "check --factory; if it is right, the chain's node leaves events out or invents some: ask another one with --rpc");
            }
            progress.Dispose();
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(result);
            else
                Print(result);
            return result.Differences.Count == 0 ? 0 : 1;
        });
        return command;
    }

    private static void Print(AuditResult result)
    {
        foreach (var d in result.Differences)
            Console.WriteLine($"{Shared.Safe(d.What)}: {Shared.Safe(d.Events)} by the events, {Shared.Safe(d.Contract)} by the contract");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{result.Events:N0} events up to block {result.Block:N0}, {result.Compared:N0} things compared: {(result.Differences.Count == 0 ? "all as the events say" : $"{result.Differences.Count} differ")}"));
    }
}
