using System.CommandLine;
using Trove.Crypto.Dkim;

namespace Trove.Cli.Commands;

/// <summary>What a mail proves.</summary>
internal static class MailCommand
{
    public static Command Create()
    {
        var file = new Argument<FileInfo>("FILE") { Description = "One mail as it was received, saved as .eml" };
        var resolver = Shared.Resolver();
        var command = new Command("mail", """
            Who signed a mail, such as "your export is ready", by DKIM. Asks the DNS for the signers' keys.

            Example: trove mail ready.eml
            """) { file, resolver };
        command.SetAction(async (r, ct) =>
        {
            var mail = DkimMessage.Read(Shared.ReadMail(r.GetValue(file)!, DkimMessage.MaxSize))
                ?? throw new CommandException($"{r.GetValue(file)!.Name} is no mail", "save one mail as .eml, with its header");
            var results = await DkimVerifier.VerifyAsync(mail, Shared.ResolverOf(r.GetValue(resolver)).LookUpAsync, DateTimeOffset.UtcNow, ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(new { signatures = results.Select(Describe) });
            else
                Print(mail, results);
            return results.Any(result => result.Outcome == DkimOutcome.Pass) ? 0 : 1;
        });
        return command;
    }

    private static object Describe(DkimResult result) => new
    {
        outcome = result.Outcome.ToString().ToLowerInvariant(), detail = result.Detail, domain = result.Signature?.Domain, selector = result.Signature?.Selector,
        algorithm = result.Signature?.Algorithm, fields = result.Signature?.SignedFields, time = result.Signature?.Time, keyRecord = result.KeyRecord,
    };

    private static void Print(DkimMessage mail, IReadOnlyList<DkimResult> results)
    {
        foreach (var result in results)
        {
            Console.Out.WriteLine($"{result.Outcome.ToString().ToLowerInvariant(),-9}  {Shared.Safe(result.Detail)}");
            if (result.Signature is { } signature)
                Console.Out.WriteLine($"           {signature.Algorithm} by {signature.KeyName} over {Shared.Safe(string.Join(", ", signature.SignedFields.Select(f => f.ToLowerInvariant()).Distinct()))}");
        }
        var passed = results.Where(result => result.Outcome == DkimOutcome.Pass).ToList();
        if (results.Count == 0)
            Console.Out.WriteLine("it has no signature");
        else if (passed.Exists(result => result.Signature!.SignedFields.Contains("to", StringComparer.OrdinalIgnoreCase)))
            Console.Out.WriteLine($"it was sent to {Shared.Safe(string.Join(", ", mail.Values("To")))}");
        else if (passed.Count > 0)
            Console.Out.WriteLine("to whom it was sent is not signed");
    }
}
