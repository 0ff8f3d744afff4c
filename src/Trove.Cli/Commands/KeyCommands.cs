using System.CommandLine;
using Trove.Crypto;

namespace Trove.Cli.Commands;

/// <summary>Keys, and age files.</summary>
internal static class KeyCommands
{
    public static Command Key()
    {
        var key = new Command("key", "Your keys.");
        key.Subcommands.Add(New());
        key.Subcommands.Add(Show());
        return key;
    }

    private static Command New()
    {
        var file = new Option<FileInfo>("--out", "-o") { Description = "Where to write the key file; it must not exist", Required = true };
        var (passphraseFile, passphraseFd) = (Shared.PassphraseFile(), Shared.PassphraseFd());
        var command = new Command("new", "Makes a key file: it signs for you and receives what is sealed to you. Encrypted with a passphrase; without both nobody can help you.") { file, passphraseFile, passphraseFd };
        command.SetAction(r =>
        {
            using var passphrase = Shared.ReadPassphrase(r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var key = KeyFile.Create();
            key.Save(r.GetValue(file)!.FullName, passphrase);
            Print(key, r.GetValue(Shared.Json));
            return 0;
        });
        return command;
    }

    private static Command Show()
    {
        var file = new Argument<FileInfo>("FILE") { Description = "A key file" };
        var (passphraseFile, passphraseFd) = (Shared.PassphraseFile(), Shared.PassphraseFd());
        var command = new Command("show", "The public half of a key file: address and age recipient.") { file, passphraseFile, passphraseFd };
        command.SetAction(r =>
        {
            using var key = Shared.OpenKey(r.GetValue(file)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            Print(key, r.GetValue(Shared.Json));
            return 0;
        });
        return command;
    }

    private static void Print(KeyFile key, bool json)
    {
        if (json)
            Shared.PrintJson(new { address = key.SigningKey.Address, recipient = key.Identity.Recipient.ToString() });
        else
            Console.WriteLine($"address    {key.SigningKey.Address}\nrecipient  {key.Identity.Recipient}");
    }

    public static Command Encrypt()
    {
        var recipients = new Option<string[]>("--recipient", "-r") { Description = "age recipient (age1…), repeatable" };
        var armor = new Option<bool>("--armor", "-a") { Description = "ASCII armor" };
        var (input, output, passphraseFile, passphraseFd) = (Input(), Output(), Shared.PassphraseFile(), Shared.PassphraseFd());
        var command = new Command("encrypt", "Encrypts a file in the age format.") { input, recipients, passphraseFile, passphraseFd, armor, output };
        command.SetAction(async (r, ct) =>
        {
            var names = r.GetValue(recipients) ?? [];
            bool usePassphrase = r.GetValue(passphraseFile) is not null || r.GetValue(passphraseFd) is not null;
            if (names.Length > 0 == usePassphrase)
                throw new CommandException("a file is encrypted either to recipients or with a passphrase", "give -r age1… or --passphrase-file");
            using var passphrase = usePassphrase ? Shared.ReadPassphrase(r.GetValue(passphraseFile), r.GetValue(passphraseFd)) : null;
            IAgeRecipient[] to = passphrase is null ? [.. names.Select(X25519Recipient.Parse)] : [new ScryptRecipient(passphrase)];
            await TransformAsync(r.GetValue(input), r.GetValue(output), "encrypting",
                (from, target, progress) => AgeFile.EncryptAsync(from, target, to, r.GetValue(armor), progress, ct));
            return 0;
        });
        return command;
    }

    public static Command Decrypt()
    {
        var identities = new Option<FileInfo[]>("--identity", "-i") { Description = "File with age identities (AGE-SECRET-KEY-1…), repeatable" };
        var (input, output, passphraseFile, passphraseFd) = (Input(), Output(), Shared.PassphraseFile(), Shared.PassphraseFd());
        var command = new Command("decrypt", "Decrypts an age file.") { input, identities, passphraseFile, passphraseFd, output };
        command.SetAction(async (r, ct) =>
        {
            var files = r.GetValue(identities) ?? [];
            bool usePassphrase = r.GetValue(passphraseFile) is not null || r.GetValue(passphraseFd) is not null;
            if (files.Length == 0 && !usePassphrase)
                throw new CommandException("nothing to decrypt with", "give -i IDENTITY-FILE or --passphrase-file");
            using var passphrase = usePassphrase ? Shared.ReadPassphrase(r.GetValue(passphraseFile), r.GetValue(passphraseFd)) : null;
            var with = files.SelectMany(f => IdentityFile.Load(f.FullName)).ToList<IAgeIdentity>();
            if (passphrase is not null)
                with.Add(new ScryptIdentity(passphrase));
            try
            {
                await TransformAsync(r.GetValue(input), r.GetValue(output), "decrypting",
                    (from, target, progress) => AgeFile.DecryptAsync(from, target, with, progress, ct));
            }
            finally
            {
                foreach (var identity in with)
                    (identity as IDisposable)?.Dispose();
            }
            return 0;
        });
        return command;
    }

    private static Argument<FileInfo?> Input() => new("FILE") { Description = "What to read; standard input without it", Arity = ArgumentArity.ZeroOrOne };

    private static Option<FileInfo?> Output() => new("--output", "-o") { Description = "Where to write; standard output without it" };

    private static async Task TransformAsync(FileInfo? input, FileInfo? output, string what, Func<Stream, Stream, IProgress<long>, Task> work)
    {
        using var progress = new Progress();
        await using var from = input is null ? Console.OpenStandardInput() : new FileStream(input.FullName, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.SequentialScan);
        var reporter = new Reporter(done => progress.Report(what, done, input?.Length));
        if (output is null)
        {
            await using var standard = Console.OpenStandardOutput();
            await work(from, standard, reporter);
            return;
        }
        // A name of its own until it is whole: what fails half-way must not look finished.
        string partial = output.FullName + ".partial";
        try
        {
            await using (var target = new FileStream(partial, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0))
                await work(from, target, reporter);
            File.Move(partial, output.FullName, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private sealed class Reporter(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
