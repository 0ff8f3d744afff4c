using System.Text;

namespace Trove.Models.Tokenization;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks: lower-case letters, such as <c>user</c>.</param>
/// <param name="Content">What; may be anybody's.</param>
public sealed record ChatMessage(string Role, string Content);

/// <summary>
/// How a conversation becomes one text: for each message the start token, the role, a separator, the content, the end token and what
/// stands behind it. Only the two tokens that the template itself puts there are special: what looks like one in a message is text.
/// </summary>
/// <param name="Start">A special token.</param>
/// <param name="AfterRole">Text between role and content.</param>
/// <param name="End">A special token.</param>
/// <param name="AfterEnd">Text behind the end token.</param>
public sealed record ChatTemplate(string Start, string AfterRole, string End, string AfterEnd)
{
    private const string Answerer = "assistant";

    /// <summary>ChatML: <c>&lt;|im_start|&gt;role↵content&lt;|im_end|&gt;↵</c>.</summary>
    public static ChatTemplate ChatMl { get; } = new("<|im_start|>", "\n", "<|im_end|>", "\n");

    /// <summary>The ids of a conversation.</summary>
    /// <param name="tokenizer">Has both tokens, as special ones.</param>
    /// <param name="messages">In order.</param>
    /// <param name="answer">End with the beginning of an answer, for the model to go on from?</param>
    /// <exception cref="ArgumentException">A role has other characters than lower-case letters.</exception>
    /// <exception cref="TokenizerException">The tokenizer lacks one of the tokens.</exception>
    public List<int> Encode(Tokenizer tokenizer, IEnumerable<ChatMessage> messages, bool answer)
    {
        int start = Special(tokenizer, Start), end = Special(tokenizer, End);
        var encoder = tokenizer.CreateEncoder();
        var ids = new List<int>();
        foreach (var message in messages)
        {
            if (message.Role.Length == 0 || message.Role.AsSpan().ContainsAnyExceptInRange('a', 'z'))
                throw new ArgumentException($"a role has lower-case letters only, not '{TokenizerJsonReader.Short(message.Role)}'", nameof(messages));
            ids.Add(start);
            Add(message.Role + AfterRole + message.Content);
            ids.Add(end);
            Add(AfterEnd);
        }
        if (answer)
        {
            ids.Add(start);
            Add(Answerer + AfterRole);
        }
        return ids;

        void Add(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            var tokens = new int[encoder.MaxTokens(bytes.Length)];
            ids.AddRange(tokens.AsSpan(0, encoder.Encode(bytes, tokens)));
        }
    }

    /// <summary>The same as a Jinja template, for <c>chat_template</c> of <c>tokenizer_config.json</c>.</summary>
    public string ToJinja() =>
        "{% for message in messages %}{{ " + Literal(Start) + " + message['role'] + " + Literal(AfterRole) + " + message['content'] + " + Literal(End + AfterEnd)
        + " }}{% endfor %}{% if add_generation_prompt %}{{ " + Literal(Start + Answerer + AfterRole) + " }}{% endif %}";

    private static string Literal(string text) => "'" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal) + "'";

    private static int Special(Tokenizer tokenizer, string token) =>
        tokenizer.AddedId(token) is { } id && tokenizer.IsSpecial(id) ? id : throw new TokenizerException($"the tokenizer has no special token '{token}'; train it with one, or use another template");
}
