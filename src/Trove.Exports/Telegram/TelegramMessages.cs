using System.Text.Json;
using Trove.Exports.Text;

namespace Trove.Exports.Telegram;

/// <summary>The messages of a <c>result.json</c> one by one, each with the chat it stands in.</summary>
internal sealed class TelegramMessages(Stream stream, ExportLimits limits)
{
    private const int Fields = 4;

    private readonly JsonPathReader _values = new(stream, limits, [.. TelegramFiles.Lists.SelectMany(list => (string[])[list + "name", list + "type", list + "id", list + "messages[]"])]);
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

    /// <summary>The next message, which the caller disposes; null at the end.</summary>
    /// <exception cref="InvalidDataException">The file is no object, is cut short, or a message breaks a limit.</exception>
    public JsonDocument? Next()
    {
        IsFirst = Count == 0;
        while (_values.Next() is { } value)
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
                return value;
            }
            using (value)
            {
                if (field == 0)
                    Name = value.RootElement.Text();
                else if (field == 1)
                    Type = value.RootElement.Text();
                else
                    Id = value.RootElement.IdText();
            }
        }
        return null;
    }
}
