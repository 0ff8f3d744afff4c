using Trove.Exports.Text;

namespace Trove.Exports.Telegram;

/// <summary>The messages of a <c>result.json</c> one by one, each with the chat it stands in.</summary>
internal sealed class TelegramMessages(Stream stream, ExportLimits limits)
{
    private const int Fields = 4;

    private readonly JsonReader _values = new(stream, limits, [.. TelegramFiles.Lists.SelectMany(list => (string[])[list + "name", list + "type", list + "id", list + "messages[]"])]);
    private long _item;

    /// <summary>The chat's name; a person's, where it is a chat of two.</summary>
    public string Name { get; private set; } = "";

    /// <summary>Such as <c>personal_chat</c>, <c>private_supergroup</c>, <c>public_channel</c>, <c>saved_messages</c>.</summary>
    public string Type { get; private set; } = "";

    /// <summary>The chat's id.</summary>
    public string Id { get; private set; } = "";

    /// <summary>How many messages were read.</summary>
    public long Count { get; private set; }

    /// <summary>Is the message the first of its chat?</summary>
    public bool IsFirst { get; private set; }

    /// <summary>The current message; valid until the next call of <see cref="Read"/>.</summary>
    public JsonValue Value => _values.Value;

    /// <summary>Moves to the next message.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="InvalidDataException">The file is no object, is cut short, or a message breaks a limit.</exception>
    public bool Read()
    {
        IsFirst = Count == 0;
        while (_values.Read())
        {
            int field = _values.Path % Fields;
            if (_values.Path >= Fields && _values.Item != _item)
            {
                _item = _values.Item;
                (Name, Type, Id, IsFirst) = ("", "", "", true);
            }
            if (field == Fields - 1)
            {
                Count++;
                return true;
            }
            if (field == 0)
                Name = Value.Text();
            else if (field == 1)
                Type = Value.Text();
            else
                Id = Value.IdText();
        }
        return false;
    }
}
