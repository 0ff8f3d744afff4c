namespace Trove.Models.Tokenization;

/// <summary>A tokenizer's file or text cannot be used; the message names the file, the field and what to do.</summary>
public sealed class TokenizerException(string message, Exception? inner = null) : Exception(message, inner);
