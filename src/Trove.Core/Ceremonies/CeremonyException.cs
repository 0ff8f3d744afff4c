namespace Trove.Core.Ceremonies;

/// <summary>Terms, a message, a closing or a state of a ceremony was refused. The message never holds key material.</summary>
public sealed class CeremonyException : Exception
{
    /// <summary>A refusal.</summary>
    public CeremonyException(string message) : base(message)
    {
    }
}
