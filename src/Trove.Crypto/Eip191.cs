using System.Text;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>Text that wallets sign for people to read: EIP-191 version 0x45, <c>personal_sign</c>.</summary>
public static class Eip191
{
    /// <summary>The digest that is signed for a text.</summary>
    public static Hash32 Digest(string text)
    {
        var message = Encoding.UTF8.GetBytes(text);
        return Keccak256.Hash([.. Encoding.UTF8.GetBytes($"\u0019Ethereum Signed Message:\n{message.Length}"), .. message]);
    }
}
