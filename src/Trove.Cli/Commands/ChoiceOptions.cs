using System.CommandLine;
using System.Security.Cryptography;
using Trove.Chain.Durability;
using Trove.Cli.Contributing;
using Trove.Exports;

namespace Trove.Cli.Commands;

/// <summary>What a member keeps at home or hides: the same switches wherever an export is read, so that looking shows what contributing sends.</summary>
internal sealed class ChoiceOptions
{
    private const RedactionClasses Named = RedactionClasses.All & ~RedactionClasses.Person;

    private readonly Option<string[]> _exclude = new("--exclude")
    {
        Description = "What stays at home: a kind such as message, thread:NAME, before:2020, after:2023-05-31, text:PATTERN (* for anything); repeatable",
    };

    private readonly Option<string[]> _redact = new("--redact")
    {
        Description = "What to black out: mail, phone, url, ip, card, bank, place, secret, health, or all of them with 'all'; repeatable",
    };

    private readonly Option<FileInfo?> _redactText = new("--redact-text") { Description = "File of texts to black out, one a line" };

    private readonly Option<bool> _names = new("--names") { Description = "Keep other people's names; without it each is a pseudonym, always the same one" };

    private readonly Option<string?> _me = new("--me") { Description = "Your name in the export, where it does not say whose it is" };

    /// <summary>Adds the switches to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_exclude, _redact, _redactText, _names, _me])
            command.Options.Add(option);
    }

    /// <summary>What was chosen.</summary>
    /// <exception cref="CommandException">A switch is not understood.</exception>
    public Choices Read(ParseResult parsed) => Read(parsed.GetValue(_exclude) ?? [], parsed.GetValue(_redact) ?? [], parsed.GetValue(_redactText), parsed.GetValue(_names), parsed.GetValue(_me) ?? "", PseudonymKey(Shared.DefaultData));

    /// <summary>Choices by their names.</summary>
    /// <exception cref="CommandException">A name is not understood.</exception>
    public static Choices Read(IEnumerable<string> exclude, IEnumerable<string> redact, FileInfo? texts, bool names, string me, byte[] key)
    {
        try
        {
            var classes = redact.SelectMany(c => c.Split(',')).Aggregate(names ? RedactionClasses.None : RedactionClasses.Person, (all, name) => all | Class(name));
            return new Choices(Selection.Excluding(exclude), new Redaction(classes, key, texts is null ? [] : [.. File.ReadLines(texts.FullName).Where(l => l.Length > 0)]), me);
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw new CommandException(Shared.Safe(e.Message), "'--help' shows the switches with examples");
        }
    }

    private static RedactionClasses Class(string name) => name == "all" ? Named
        : Enum.GetValues<RedactionClasses>().FirstOrDefault(c => Named.HasFlag(c) && c != RedactionClasses.None && name == c.ToString().ToLowerInvariant()) is not RedactionClasses.None and var found ? found
        : throw new FormatException($"'{name}' cannot be blacked out by name: there are mail, phone, url, ip, card, bank, place, secret and health; other texts go into a file for --redact-text");

    /// <summary>
    /// The key of this member's pseudonyms, made at the first use: who has it can test guesses of names, so it stays on this machine. Lost, the same person
    /// gets another pseudonym in what comes later, and nothing else.
    /// </summary>
    private static byte[] PseudonymKey(string folder)
    {
        var file = Path.Combine(folder, "pseudonyms.key");
        if (!File.Exists(file))
        {
            Directory.CreateDirectory(folder);
            DurableFile.Write(file, stream => stream.Write(RandomNumberGenerator.GetBytes(Redaction.KeySize)), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        var key = File.ReadAllBytes(file);
        return key.Length == Redaction.KeySize ? key
            : throw new CommandException($"{file} is no key of pseudonyms: {key.Length} bytes instead of {Redaction.KeySize}", "bring it back from a backup, or delete it: the same person then gets another pseudonym");
    }
}
