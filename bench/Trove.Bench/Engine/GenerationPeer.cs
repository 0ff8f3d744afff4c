using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Trove.Bench.Engine;

/// <summary>
/// A model in llama.cpp, loaded from the npm package <c>@node-llama-cpp/linux-x64</c> beside this file (<c>npm ci --ignore-scripts</c> in Engine/peers/llama). The structs are those
/// of <c>llama.h</c> of its release 0.5.0, which they must match. Keys and values in float32, no flash attention: exact as ours.
/// </summary>
internal sealed unsafe partial class GenerationPeer : IDisposable
{
    private const string Library = "libllama.v0.5.0.so", Backends = "libggml.v0.5.0.so";

    private readonly nint _model, _context, _vocabulary;
    private readonly int _size, _streams;

    static GenerationPeer() => NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), (name, _, _) => name is Library or Backends ? NativeLibrary.Load(Path.Combine(Folder!, name)) : 0);

    /// <summary>Loads a model.</summary>
    /// <param name="path">A GGUF file.</param>
    /// <param name="threads">That compute.</param>
    /// <param name="context">Tokens of each stream.</param>
    /// <param name="streams">Sequences at once.</param>
    public GenerationPeer(string path, int threads, int context, int streams)
    {
        llama_log_set(&Quiet, 0);
        ggml_backend_load_all_from_path(Folder!);
        llama_backend_init();
        _model = llama_model_load_from_file(path, llama_model_default_params());
        if (_model == 0)
            throw new InvalidOperationException($"llama.cpp does not read {path}");
        var options = llama_context_default_params();
        options.Context = (uint)(context * streams);
        options.Batch = options.MicroBatch = (uint)Math.Max(512, streams);
        options.MaxSequences = (uint)streams;
        (options.Threads, options.BatchThreads) = (threads, threads);
        (options.FlashAttention, options.KeyType, options.ValueType) = (0, 0, 0);
        _context = llama_init_from_model(_model, options);
        if (_context == 0)
            throw new InvalidOperationException("llama.cpp makes no context");
        (_vocabulary, _streams) = (llama_model_get_vocab(_model), streams);
        _size = llama_vocab_n_tokens(_vocabulary);
    }

    /// <summary>Where its libraries are; null when they are not installed.</summary>
    public static string? Folder { get; } = Find();

    /// <summary>Ids of the model.</summary>
    public int Vocabulary => _size;

    /// <summary>Forgets all sequences.</summary>
    public void Clear() => llama_memory_clear(llama_get_memory(_context), 1);

    /// <summary>Appends tokens, each stream as many as every other.</summary>
    /// <param name="tokens">Stream after stream.</param>
    /// <param name="streams">How many.</param>
    /// <param name="position">Of each stream's first.</param>
    /// <param name="all">Compute the logits of every token, or of each stream's last only?</param>
    public void Decode(ReadOnlySpan<int> tokens, int streams, int position, bool all = false)
    {
        int count = tokens.Length, each = count / streams;
        int[] positions = new int[count], counts = new int[count], ids = new int[count];
        var wanted = new byte[count];
        var pointers = new nint[count];
        fixed (int* t = tokens, p = positions, c = counts, s = ids)
        fixed (byte* w = wanted)
        fixed (nint* n = pointers)
        {
            for (int i = 0; i < count; i++)
                (p[i], c[i], s[i], w[i], n[i]) = (position + i % each, 1, i / each, (byte)(all || i % each == each - 1 ? 1 : 0), (nint)(s + i));
            var batch = new Batch { Tokens = count, Token = t, Positions = p, SequenceCounts = c, Sequences = n, Wanted = w };
            if (llama_decode(_context, batch) is not 0 and var code)
                throw new InvalidOperationException($"llama_decode: {code}");
        }
    }

    /// <summary>The logits of the batch's token of that number.</summary>
    public ReadOnlySpan<float> Logits(int token) => new(llama_get_logits_ith(_context, token), _size);

    /// <summary>The ids of a text, by its own tokenizer from the file.</summary>
    /// <param name="special">Special tokens in the text are special tokens.</param>
    public int[] Encode(string text, bool special)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var ids = new int[bytes.Length + 16];
        fixed (byte* from = bytes)
        fixed (int* to = ids)
            return ids[..llama_tokenize(_vocabulary, from, bytes.Length, to, ids.Length, 0, special ? (byte)1 : (byte)0)];
    }

    public void Dispose()
    {
        llama_free(_context);
        llama_model_free(_model);
    }

    private static string? Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Trove.slnx")))
            folder = folder.Parent;
        var libraries = folder is null ? "" : Path.Combine(folder.FullName, "bench/Trove.Bench/Engine/peers/llama/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64");
        return File.Exists(Path.Combine(libraries, Library)) ? libraries : null;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Quiet(int level, byte* text, nint data)
    {
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ModelParams
    {
        public nint Devices, BufferOverrides;
        public int GpuLayers, SplitMode, LoadMode, LazyMode, MainGpu;
        public nint TensorSplit, Progress, ProgressData, Overrides;
        public byte VocabularyOnly, CheckTensors, UseExtraBuffers, NoHost, NoAlloc, LoadMtp;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ContextParams
    {
        public uint Context, Batch, MicroBatch, MaxSequences, Snapshots, MaxOutputs, MaxOutputsEach;
        public int Threads, BatchThreads, ContextType, RopeScaling, Pooling, AttentionType, FlashAttention;
        public float RopeBase, RopeScale, YarnExtrapolation, YarnAttention, YarnFast, YarnSlow;
        public uint YarnContext;
        public float Defragment;
        public nint Evaluate, EvaluateData;
        public int KeyType, ValueType;
        public nint Abort, AbortData;
        public byte Embeddings, OffloadKqv, NoPerf, OffloadOperations, FullWindow, Unified;
        public nint Samplers;
        public nuint SamplerCount;
        public nint Other;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Batch
    {
        public int Tokens;
        public int* Token;
        public float* Embeddings;
        public int* Positions, SequenceCounts;
        public nint* Sequences;
        public byte* Wanted;
    }

    [LibraryImport(Backends, StringMarshalling = StringMarshalling.Utf8)]
    private static partial void ggml_backend_load_all_from_path(string folder);

    [LibraryImport(Library)]
    private static partial void llama_log_set(delegate* unmanaged[Cdecl]<int, byte*, nint, void> log, nint data);

    [LibraryImport(Library)]
    private static partial void llama_backend_init();

    [LibraryImport(Library)]
    private static partial ModelParams llama_model_default_params();

    [LibraryImport(Library)]
    private static partial ContextParams llama_context_default_params();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint llama_model_load_from_file(string path, ModelParams options);

    [LibraryImport(Library)]
    private static partial nint llama_init_from_model(nint model, ContextParams options);

    [LibraryImport(Library)]
    private static partial nint llama_model_get_vocab(nint model);

    [LibraryImport(Library)]
    private static partial int llama_vocab_n_tokens(nint vocabulary);

    [LibraryImport(Library)]
    private static partial nint llama_get_memory(nint context);

    [LibraryImport(Library)]
    private static partial void llama_memory_clear(nint memory, byte data);

    [LibraryImport(Library)]
    private static partial int llama_decode(nint context, Batch batch);

    [LibraryImport(Library)]
    private static partial float* llama_get_logits_ith(nint context, int token);

    [LibraryImport(Library)]
    private static partial int llama_tokenize(nint vocabulary, byte* text, int length, int* tokens, int most, byte addSpecial, byte parseSpecial);

    [LibraryImport(Library)]
    private static partial void llama_free(nint context);

    [LibraryImport(Library)]
    private static partial void llama_model_free(nint model);
}
