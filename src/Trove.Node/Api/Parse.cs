using Trove.Core;

namespace Trove.Node.Api;

/// <summary>Values from a request's path and query, or a refusal that says what was expected.</summary>
public static class Parse
{
    /// <summary>An address.</summary>
    public static Address Address(string text) => Core.Address.TryParse(text, out var value)
        ? value
        : throw ApiException.Invalid("the path names no valid address", "give 0x and 40 hex digits, with a right EIP-55 checksum if in mixed case");

    /// <summary>A contribution id or hash.</summary>
    public static Hash32 Hash(string text) => Hash32.TryParse(text, out var value)
        ? value
        : throw ApiException.Invalid("the path names no valid 32-byte value", "give 64 hex digits");

    /// <summary>An optional address of the query string.</summary>
    public static Address? OptionalAddress(string? text) => text is null ? null : Address(text);
}
