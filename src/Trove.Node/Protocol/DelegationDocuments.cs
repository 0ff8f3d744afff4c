using System.Globalization;
using System.Text;
using Trove.Core;

namespace Trove.Node.Protocol;

// The documents of delegation; see Documents.cs.

/// <summary>An owner gives its votes to another account, or takes them back by giving them to itself (ERC-5805 delegateBySig).</summary>
/// <param name="Nonce">The owner's next nonce at the share token.</param>
/// <param name="Expiry">Last second at which the signature counts.</param>
public sealed record DelegationRequest(Address Delegator, Address Delegatee, ulong Nonce, long Expiry, string Signature);

/// <summary>What an account votes with, as the share token says.</summary>
/// <param name="Shares">Shares of its own that the ledger has handed out.</param>
/// <param name="Votes">Shares that it votes with: its own, unless it gave them away, and those of the accounts that chose it.</param>
/// <param name="Delegate">Who votes with its own shares; null before it had any.</param>
/// <param name="Delegators">Other accounts that have given it their votes.</param>
/// <param name="Nonce">Its next nonce at the share token.</param>
public sealed record VotesInfo(Address Asset, Address Account, Shares Shares, Shares Votes, Address? Delegate, int Delegators, ulong Nonce);

/// <summary>An account that others have given their votes to, or that said how it would vote with them.</summary>
public sealed record DelegateInfo(Address Delegate, Shares Votes, int Delegators, StatementInfo? Statement);

/// <summary>How a delegate means to vote, in its own words and signed by it; who reads it checks the signature.</summary>
/// <param name="At">When the node took it, in milliseconds.</param>
public sealed record StatementInfo(string Text, ulong Revision, string Signature, long At);

/// <summary>A delegate's statement. Of several the newest revision counts.</summary>
public sealed record StatementRequest(string Text, ulong Revision, string Signature)
{
    /// <summary>UTF-16 units of a text at most.</summary>
    public const int MaxText = 2000;

    /// <summary>
    /// Why a text is no statement; null when it is one. It is shown to owners beside a vote, so nothing in it moves the cursor, turns the
    /// direction of writing or has two encodings.
    /// </summary>
    public static string? Problem(string text)
    {
        if (text.Length is 0 or > MaxText || string.IsNullOrWhiteSpace(text))
            return $"a statement has 1 to {MaxText} characters";
        if (text.Any(c => char.IsControl(c) || c is '\u2028' or '\u2029' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069')))
            return "a statement is one paragraph of plain text, without control characters";
        for (int i = 0; i < text.Length; i++)
            if (!Rune.TryGetRuneAt(text, i, out var rune))
                return string.Create(CultureInfo.InvariantCulture, $"a statement is Unicode text; character {i + 1} is half of one");
            else
                i += rune.Utf16SequenceLength - 1;
        return null;
    }
}
