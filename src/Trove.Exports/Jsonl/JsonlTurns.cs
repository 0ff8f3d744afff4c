using System.Text.Json;
using Trove.Exports.Text;

namespace Trove.Exports.Jsonl;

/// <summary>The turns of a conversation on one line. What software says is never the member's.</summary>
internal sealed class JsonlTurns(ExportOptions options)
{
    // Stops: a line of millions of empty turns.
    private const int MostTurns = 100_000;

    // Of the line, found once: it may have as many members as turns.
    private WrittenTime _time;
    private string _model = "";

    /// <summary>Adds the records of a line's object.</summary>
    /// <param name="line">The object.</param>
    /// <param name="prefix">Begins the conversation's name when the object has no id.</param>
    /// <param name="number">The line's, which ends it.</param>
    /// <param name="records">Gets the records.</param>
    /// <returns>Why there is none, or fewer than turns; null when there is nothing to say.</returns>
    public string? Read(JsonValue line, string prefix, long number, List<Record> records)
    {
        _time = Time(line);
        _model = line.Text("model"u8) is { Length: <= RecordRules.MetaValue } model ? model : "";
        var thread = line.IdText("conversation_id"u8) is { Length: > 0 and <= RecordRules.Name } conversation ? conversation
            : line.IdText("thread_id"u8) is { Length: > 0 and <= RecordRules.Name } named ? named
            : line.IdText("id"u8) is { Length: > 0 and <= RecordRules.Name } id ? id : $"{prefix}:{number}";
        switch (JsonlFiles.ShapeOf(line))
        {
            case JsonlShape.Messages:
                return Turns(line.Get("messages"u8), thread, records);
            case JsonlShape.Conversations:
                return Turns(line.Get("conversations"u8), thread, records);
            case JsonlShape.Completion:
                var answer = line.Get(line.Has("completion"u8) ? "completion"u8 : "response"u8);
                return Side(line, line.Get("prompt"u8), "user", thread, records) ?? Side(line, answer, "assistant", thread, records);
            case JsonlShape.Instruction:
                var (instruction, input) = (Content(line.Get("instruction"u8)), Content(line.Get("input"u8)));
                return Add(line, "user", input.Length > 0 ? $"{instruction}\n\n{input}" : instruction, thread, records)
                    ?? Add(line, "assistant", Content(line.Get("output"u8)), thread, records);
            case JsonlShape.Text:
                return Add(line, "", Content(line.Get("text"u8)), thread, records);
            default:
                return "a line has none of the shapes that are known";
        }
    }

    /// <summary>A text, or the messages that lead to it.</summary>
    private string? Side(JsonValue line, JsonValue value, string role, string thread, List<Record> records) =>
        value.ValueKind == JsonValueKind.Array && value.Items().All(turn => turn.Get("role"u8).ValueKind == JsonValueKind.String)
            ? Turns(value, thread, records) : Add(line, role, Content(value), thread, records);

    private string? Turns(JsonValue turns, string thread, List<Record> records)
    {
        if (turns.ValueKind != JsonValueKind.Array || turns.Items().Skip(MostTurns).Any())
            return $"a line has no list of turns, or more than {MostTurns}";
        string? reason = null;
        foreach (var turn in turns.Items())
        {
            var role = turn.Text("role"u8) is { Length: > 0 } said ? said : turn.Text("from"u8);
            var content = turn.Get(turn.Has("content"u8) ? "content"u8 : "value"u8);
            reason = Add(turn, role, Content(content), thread, records) ?? reason;
        }
        return reason;
    }

    private string? Add(JsonValue turn, string role, string text, string thread, List<Record> records)
    {
        if (text.Length == 0)
            return "a turn without text";
        var kind = role switch
        {
            "user" or "human" => RecordKind.Prompt,
            "assistant" or "gpt" or "chatgpt" or "model" or "bot" => RecordKind.Answer,
            _ => RecordKind.Other,
        };
        bool isUser = kind == RecordKind.Prompt || role.Length == 0;
        var time = Time(turn) is { Time: not null } own ? own : _time;
        records.Add(new Record
        {
            Platform = JsonlFiles.Platform,
            Kind = kind,
            Id = turn.IdText("id"u8) is { Length: <= RecordRules.Id } id && id != thread ? id : "",
            Thread = thread,
            Author = isUser ? options.Me.Length > 0 ? options.Me : "user" : kind == RecordKind.Answer ? "assistant" : role is "system" or "developer" ? "system" : role is "tool" or "function" or "observation" or "function_call" ? "tool" : "unknown",
            Own = isUser && options.Me.Length > 0,
            Time = time.Time,
            Text = text,
            Meta = Metadata.Of(("what", kind != RecordKind.Other ? "" : role.Length == 0 ? "text" : "turn"), ("model", kind == RecordKind.Answer ? _model : ""),
                ("clock", time.IsLocal ? "local" : ""), ("precision", time.IsDay ? "day" : "")),
        });
        return null;
    }

    /// <summary>A text, or the texts among its parts.</summary>
    private static string Content(JsonValue content)
    {
        if (content.ValueKind == JsonValueKind.String)
            return content.Text();
        var text = new TextJoin("\n");
        foreach (var part in content.Items())
            text.Add(part.ValueKind == JsonValueKind.String ? part.Text() : part.Text("text"u8));
        return text.ToString();
    }

    private static WrittenTime Time(JsonValue element)
    {
        foreach (var member in element.Members())
        {
            if (!member.IsNamed("created_at"u8) && !member.IsNamed("timestamp"u8) && !member.IsNamed("time"u8) && !member.IsNamed("date"u8))
                continue;
            var time = member.Number() is { } number ? new WrittenTime(Times.FromUnix(number), false, false) : WrittenTime.Parse(member.Text());
            if (time.Time is not null)
                return time;
        }
        return default;
    }
}
