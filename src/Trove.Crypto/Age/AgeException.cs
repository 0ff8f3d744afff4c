namespace Trove.Crypto;

/// <summary>What is wrong with an age file or key; the classes of age's public test kit, and one for keys.</summary>
public enum AgeFailure
{
    /// <summary>The header cannot be parsed, breaks a rule of the format or exceeds a limit.</summary>
    Header,

    /// <summary>The file key was found, but the header was changed after it was written.</summary>
    Mac,

    /// <summary>The payload is corrupt, truncated or extended. What was released before it is authentic.</summary>
    Payload,

    /// <summary>None of the identities opens the file; for a passphrase file: the passphrase is wrong.</summary>
    NoMatch,

    /// <summary>The ASCII armor is not the strict form.</summary>
    Armor,

    /// <summary>A recipient, an identity or a key file is malformed.</summary>
    Key,
}

/// <summary>An age file, recipient, identity or key file was refused. The message never holds key material.</summary>
public sealed class AgeException : Exception
{
    /// <summary>A refusal of the given class.</summary>
    public AgeException(AgeFailure failure, string message, Exception? inner = null) : base(message, inner) => Failure = failure;

    /// <summary>The class of the failure.</summary>
    public AgeFailure Failure { get; }
}
