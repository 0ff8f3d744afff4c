using Trove.Models.Kernels;
using Trove.Models.Tokenization;
using Trove.Models.Training;

namespace Trove.Cli.Models;

/// <summary>Files of text as tokens, a part of them kept for validation: specs/engine.md, "Training data and order".</summary>
internal sealed class TrainingTokens(Tokenizer tokenizer, ChatTemplate? chat)
{
    private const int FewDocuments = 100, OneOf = 20;
    private const ulong SplitStream = 1UL << 35;

    private static readonly string[] EndTokens = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<|im_end|>"];

    private readonly TokenEncoder _encoder = tokenizer.CreateEncoder();
    private int[] _ids = [];

    /// <summary>The token that begins each document and ends the one before; null when the tokenizer has none.</summary>
    public int? End { get; } = EndTokens.Select(tokenizer.AddedId).FirstOrDefault(id => id is not null);

    /// <summary>Bytes of text that became tokens, those of validation included.</summary>
    public long Bytes { get; private set; }

    /// <summary>Splits and encodes.</summary>
    /// <param name="paths">Files.</param>
    /// <param name="training">What is learnt from.</param>
    /// <param name="validation">What it is checked on; null: everything goes to <paramref name="training"/>.</param>
    public void Write(IReadOnlyList<string> paths, TokenFile training, TokenFile? validation, Progress progress, CancellationToken ct)
    {
        var split = validation is null ? null : new Split(Sizes(paths));
        long document = -1, at = 0, all = TrainingText.Size(paths);
        bool begun = false, begunValidation = false;
        foreach (var piece in TrainingText.Pieces(paths))
        {
            ct.ThrowIfCancellationRequested();
            progress.Report("encoding", Bytes, all);
            if (piece.Begins)
                (document, at, begun, begunValidation) = (document + 1, 0, false, false);
            if (piece.Messages is { } messages)
                Converse(split?.Validates(document) == true ? validation! : training, messages);
            else
            {
                int cut = split?.Cut(piece.Text.Span, at, document) ?? piece.Text.Length;
                Append(training, piece.Text.Span[..cut], ref begun);
                if (validation is not null)
                    Append(validation, piece.Text.Span[cut..], ref begunValidation);
            }
            at += piece.Text.Length;
            Bytes += piece.Text.Length;
        }
    }

    // The sizes of documents when they are few; null when they are many.
    private static List<long>? Sizes(IReadOnlyList<string> paths)
    {
        var sizes = new List<long>();
        foreach (var piece in TrainingText.Pieces(paths))
        {
            if (piece.Begins)
                sizes.Add(0);
            if (sizes.Count >= FewDocuments)
                return null;
            sizes[^1] += piece.Text.Length;
        }
        return sizes;
    }

    private void Append(TokenFile file, ReadOnlySpan<byte> text, ref bool begun)
    {
        if (text.IsEmpty)
            return;
        bool begins = !begun;
        if (begins && End is { } end)
            file.Append([end], begins: true);
        file.Append(Encode(text), begins && End is null, firstLearnt: !begins || End is not null);
        begun = true;
    }

    // What the assistant says is learnt, with the token that ends it; the rest is only read.
    private void Converse(TokenFile file, IReadOnlyList<ChatMessage> messages)
    {
        if (chat is null)
            throw new CommandException("there are conversations (\"messages\"), and the tokenizer has no special tokens for them", "give a tokenizer with <|im_start|> and <|im_end|>, or let one be trained");
        bool begins = true;
        foreach (var message in messages)
        {
            var ids = chat.Encode(tokenizer, [message], answer: false).ToArray();
            int head = ids.Length;
            if (message.Role == "assistant")
            {
                int bytes = message.Role.Length + chat.AfterRole.Length;
                for (head = 1; bytes > 0; head++)
                    bytes -= tokenizer.Bytes(ids[head]).Length;
            }
            file.Append(ids.AsSpan(0, head), begins, learnt: false);
            file.Append(ids.AsSpan(head), begins: false);
            begins = false;
        }
    }

    private ReadOnlySpan<int> Encode(ReadOnlySpan<byte> text)
    {
        int most = _encoder.MaxTokens(text.Length);
        if (_ids.Length < most)
            _ids = new int[most];
        return _ids.AsSpan(0, _encoder.Encode(text, _ids));
    }

    // Which documents, or which part of each, are for validation.
    private sealed class Split(List<long>? few)
    {
        public bool Validates(long document) => few is null ? new CounterRandom(0, SplitStream).Bits((ulong)document) % OneOf == 0 : document % 10 == 9;

        // Bytes of a piece that are for training: of few documents the first nine tenths of each.
        public int Cut(ReadOnlySpan<byte> piece, long at, long document)
        {
            if (few is null)
                return Validates(document) ? 0 : piece.Length;
            int cut = (int)Math.Clamp(few[(int)document] * 9 / 10 - at, 0, piece.Length);
            while (cut < piece.Length && (piece[cut] & 0xC0) == 0x80)
                cut++; // within a character
            return cut;
        }
    }
}
