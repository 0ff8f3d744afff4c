using System.Diagnostics;
using System.Globalization;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Generation;

namespace Trove.Bench.Engine;

/// <summary>
/// One side of the comparison, in a process of its own, since both spin while they wait. It answers each line of its input with one of numbers:
/// <c>speed streams prompt tokens</c> with tokens a second of the prompt and of decoding after it, <c>greedy tokens id …</c> with the likeliest tokens after a prompt, each with its lead
/// over the second, <c>score id …</c> with the mean loss of a text, <c>encode text</c> with its ids.
/// </summary>
internal static class GenerationWorker
{
    /// <summary>Serves until the input ends. First it says what it is.</summary>
    /// <param name="side">"ours", "ours-int8" or "peer".</param>
    /// <param name="path">A GGUF file.</param>
    public static void Serve(string side, string path, int threads, int context, int streams)
    {
        using ISide model = side == "peer" ? new Theirs(path, threads, context, streams) : new Ours(path, threads, context, streams, side == "ours-int8");
        Console.WriteLine(model.Name);
        while (Console.ReadLine() is { } line)
        {
            var words = line.Split(' ');
            int[] numbers = words[0] == "encode" ? [] : [.. words.Skip(1).Select(w => int.Parse(w, CultureInfo.InvariantCulture))];
            Console.WriteLine(words[0] switch
            {
                "speed" => Speed(model, numbers[0], numbers[1], numbers[2]),
                "greedy" => Greedy(model, numbers[0], numbers[1..]),
                "score" => Score(model, numbers),
                _ => string.Join(' ', model.Encode(line["encode ".Length..].Replace("\\n", "\n", StringComparison.Ordinal))),
            });
        }
    }

    private static string Speed(ISide model, int streams, int prompt, int tokens)
    {
        int[] first = [.. Enumerable.Range(0, prompt * streams).Select(i => (int)(i * 7919L % model.Vocabulary))];
        model.Clear();
        var watch = Stopwatch.StartNew();
        model.Decode(first, streams, 0);
        double read = watch.Elapsed.TotalSeconds;
        var next = new int[streams];
        watch.Restart();
        for (int i = 0; i < tokens; i++)
        {
            for (int s = 0; s < streams; s++)
                next[s] = Likeliest(model.Logits(s, streams)).Token;
            model.Decode(next, streams, prompt + i);
        }
        return string.Create(CultureInfo.InvariantCulture, $"{prompt * streams / read} {tokens * streams / watch.Elapsed.TotalSeconds}");
    }

    private static string Greedy(ISide model, int count, int[] prompt)
    {
        model.Clear();
        model.Decode(prompt, 1, 0);
        var answer = new List<string>();
        for (int i = 0; i < count; i++)
        {
            var (token, lead) = Likeliest(model.Logits(0, 1));
            answer.Add(string.Create(CultureInfo.InvariantCulture, $"{token} {lead:R}"));
            model.Decode([token], 1, prompt.Length + i);
        }
        return string.Join(' ', answer);
    }

    // Every token's loss from its logits in double, the same way on both sides.
    private static string Score(ISide model, int[] tokens)
    {
        model.Clear();
        double sum = 0;
        for (int i = 0; i + 1 < tokens.Length; i++)
        {
            model.Decode(tokens.AsSpan(i, 1), 1, i);
            sum -= Sampler.LogProbability(model.Logits(0, 1), tokens[i + 1]);
        }
        return (sum / (tokens.Length - 1)).ToString("R", CultureInfo.InvariantCulture);
    }

    private static (int Token, float Lead) Likeliest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        float second = float.NegativeInfinity;
        for (int i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best])
                (second, best) = (logits[best], i);
            else
                second = Math.Max(second, logits[i]);
        return (best, logits[best] - second);
    }

    private interface ISide : IDisposable
    {
        string Name { get; }

        int Vocabulary { get; }

        void Clear();

        /// <summary>Appends tokens, each stream as many as every other, stream after stream.</summary>
        void Decode(ReadOnlySpan<int> tokens, int streams, int position);

        /// <summary>After the last token of a stream.</summary>
        ReadOnlySpan<float> Logits(int stream, int streams);

        int[] Encode(string text);
    }

    private sealed class Theirs(string path, int threads, int context, int streams) : ISide
    {
        private readonly GenerationPeer _peer = new(path, threads, context, streams);
        private int _tokens;

        public string Name => "llama.cpp 0.5.0";

        public int Vocabulary => _peer.Vocabulary;

        public void Clear() => _peer.Clear();

        public void Decode(ReadOnlySpan<int> tokens, int streams, int position)
        {
            _tokens = tokens.Length;
            _peer.Decode(tokens, streams, position);
        }

        public ReadOnlySpan<float> Logits(int stream, int streams) => _peer.Logits(_tokens / streams * (stream + 1) - 1);

        public int[] Encode(string text) => _peer.Encode(text, special: false);

        public void Dispose() => _peer.Dispose();
    }

    private sealed class Ours : ISide
    {
        private readonly WorkPool _pool;
        private readonly DecoderWeights _weights;
        private readonly Decoder _decoder;
        private readonly KeyValueCache[] _caches;
        private readonly ModelText? _text;
        private readonly float[] _logits;

        public Ours(string path, int threads, int context, int streams, bool quantize)
        {
            _pool = new WorkPool(threads);
            var (file, text) = GgufModel.Open(path);
            using (file)
                _weights = new DecoderWeights(file, _pool, quantize);
            _decoder = new Decoder(_weights, _pool, Math.Max(512, streams));
            _caches = [.. Enumerable.Range(0, streams).Select(_ => new KeyValueCache(_weights.Config, context))];
            _logits = new float[streams * _weights.Config.Vocabulary];
            _text = text;
            _decoder.Profile.Enabled = Environment.GetEnvironmentVariable("TROVE_PROFILE") is not null;
        }

        public string Name => "ours";

        public int Vocabulary => _weights.Config.Vocabulary;

        public void Clear()
        {
            foreach (var cache in _caches)
                cache.Truncate(0);
            _decoder.Profile.Reset();
        }

        public void Decode(ReadOnlySpan<int> tokens, int streams, int position)
        {
            var counts = new int[streams];
            counts.AsSpan().Fill(tokens.Length / streams);
            for (int done = 0, some; done < counts[0]; done += some)
            {
                // As llama.cpp does by itself: no more than 512 tokens at once.
                some = Math.Min(counts[0] - done, Math.Max(1, _decoder.MaxTokens / streams));
                var piece = new int[some * streams];
                for (int s = 0; s < streams; s++)
                    tokens.Slice(s * counts[0] + done, some).CopyTo(piece.AsSpan(s * some));
                var each = new int[streams];
                each.AsSpan().Fill(some);
                _decoder.Run(_caches.AsSpan(0, streams), each, piece, _logits.AsSpan(0, streams * Vocabulary));
            }
        }

        public ReadOnlySpan<float> Logits(int stream, int streams) => _logits.AsSpan(stream * Vocabulary, Vocabulary);

        public int[] Encode(string text) => _text!.Tokenizer.Encode(text);

        public void Dispose()
        {
            foreach (var stage in Enum.GetValues<Trove.Models.Stage>())
                if (_decoder.Profile.Milliseconds(stage) is > 0 and var ms)
                    Console.Error.WriteLine($"{stage} {ms:0.00} ms");
            foreach (var cache in _caches)
                cache.Dispose();
            _decoder.Dispose();
            _weights.Dispose();
            _pool.Dispose();
        }
    }
}
