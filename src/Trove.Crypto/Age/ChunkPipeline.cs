using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>
/// The payload of an age file (c2sp.org/age, "Payload"): chunks of 64 KiB under ChaCha20-Poly1305, each with its own
/// counter nonce, so that they are sealed and opened in parallel. Batches of chunks go round a small ring: the caller
/// reads and writes while the pool's threads work, results come in order, memory is bounded by the ring.
/// Only authenticated plaintext leaves it.
/// </summary>
internal sealed class ChunkPipeline : IDisposable
{
    public const int ChunkSize = 64 * 1024;
    public const int TagSize = 16;

    private const int ChunksPerBatch = 8;
    private const int MaxSlots = 4;

    private readonly ByteSource _source;
    private readonly SecretBytes _key;
    private readonly bool _seal;
    private readonly Slot?[] _ring = new Slot?[MaxSlots];
    private readonly byte[] _carry = new byte[1];
    private int _head, _inFlight, _carried;
    private ulong _nextChunk;
    private bool _ended, _lent;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Takes over the payload key.</summary>
    public ChunkPipeline(ByteSource source, SecretBytes payloadKey, bool seal) => (_source, _key, _seal) = (source, payloadKey, seal);

    /// <summary>The next result, valid until the next call; empty at the end (a sealed batch is never empty).</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Payload"/>, after all authentic plaintext before it was returned.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> Next(bool async, CancellationToken cancel)
    {
        if (_lent)
        {
            _lent = false;
            _head = (_head + 1) % MaxSlots;
            _inFlight--;
        }
        _failure?.Throw();
        try
        {
            while (!_ended && _inFlight < MaxSlots)
                await Start(async, cancel).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _failure = ExceptionDispatchInfo.Capture(e); // bytes may be lost: whoever reads on must not get what follows
            throw;
        }
        if (_inFlight == 0)
            return default;

        var slot = _ring[_head]!;
        if (slot.Work is { IsCompleted: false } work && async)
            await work.ConfigureAwait(false);
        else
            slot.Work?.GetAwaiter().GetResult();
        _lent = true;
        if (slot.Failure is not null)
        {
            _failure = ExceptionDispatchInfo.Capture(new AgeException(AgeFailure.Payload, slot.Failure));
            _ended = true;
            if (slot.Produced == 0)
                _failure.Throw();
        }
        return slot.Output.AsMemory(0, slot.Produced);
    }

    /// <summary>Waits for work under way, then zeroes and returns all buffers.</summary>
    public void Dispose()
    {
        foreach (var slot in _ring)
            slot?.Dispose();
        _key.Dispose();
    }

    // Reads one byte beyond the batch to know whether it is the last, and carries that byte to the next batch.
    private async ValueTask Start(bool async, CancellationToken cancel)
    {
        var slot = _ring[(_head + _inFlight) % MaxSlots] ??= new Slot(_key, _seal);
        int capacity = slot.Capacity;
        if (_carried > 0)
            slot.Input[0] = _carry[0];
        int length = _carried + await _source.Fill(slot.Input.AsMemory(_carried, capacity + 1 - _carried), async, cancel).ConfigureAwait(false);
        slot.Last = length <= capacity;
        slot.Length = Math.Min(length, capacity);
        slot.FirstChunk = _nextChunk;
        _carried = length - slot.Length;
        if (_carried > 0)
            _carry[0] = slot.Input[capacity];
        _ended = slot.Last;
        _inFlight++;
        if (slot.Last && _nextChunk == 0)
        {
            slot.Work = null;
            slot.Run(); // a small file is not worth a second thread
        }
        else
        {
            slot.Work = Task.Run(slot.RunAction, CancellationToken.None);
        }
        _nextChunk += ChunksPerBatch;
    }

    private sealed class Slot : IDisposable
    {
        private readonly ChaCha20Poly1305 _cipher; // one each: not safe for two threads
        private readonly byte[] _nonce = new byte[12];
        private readonly bool _seal;

        public Slot(SecretBytes key, bool seal)
        {
            _seal = seal;
            _cipher = new ChaCha20Poly1305(key.Span);
            Capacity = ChunksPerBatch * (seal ? ChunkSize : ChunkSize + TagSize);
            Input = ArrayPool<byte>.Shared.Rent(Capacity + 1);
            Output = ArrayPool<byte>.Shared.Rent(ChunksPerBatch * (seal ? ChunkSize + TagSize : ChunkSize));
            RunAction = Run;
        }

        public int Capacity { get; }
        public byte[] Input { get; }
        public byte[] Output { get; }
        public Action RunAction { get; }
        public int Length { get; set; }
        public bool Last { get; set; }
        public ulong FirstChunk { get; set; }
        public Task? Work { get; set; }
        public int Produced { get; private set; }
        public string? Failure { get; private set; }

        public void Run()
        {
            Produced = 0;
            Failure = null;
            int size = _seal ? ChunkSize : ChunkSize + TagSize;
            int at = 0;
            ulong chunk = FirstChunk;
            do
            {
                int length = Math.Min(size, Length - at);
                bool last = Last && at + length == Length;
                Failure = _seal ? Seal(Input.AsSpan(at, length), chunk, last) : Open(Input.AsSpan(at, length), chunk, last);
                at += length;
                chunk++;
            }
            while (at < Length && Failure is null);
        }

        public void Dispose()
        {
            Work?.GetAwaiter().GetResult();
            _cipher.Dispose();
            CryptographicOperations.ZeroMemory(_seal ? Input : Output);
            ArrayPool<byte>.Shared.Return(Input);
            ArrayPool<byte>.Shared.Return(Output);
        }

        private string? Seal(ReadOnlySpan<byte> plaintext, ulong chunk, bool last)
        {
            SetNonce(chunk, last);
            var output = Output.AsSpan(Produced, plaintext.Length + TagSize);
            _cipher.Encrypt(_nonce, plaintext, output[..plaintext.Length], output[plaintext.Length..]);
            Produced += output.Length;
            return null;
        }

        private string? Open(ReadOnlySpan<byte> ciphertext, ulong chunk, bool last)
        {
            if (ciphertext.Length < TagSize)
                return "the payload of the age file ends inside a chunk; the file is truncated";
            if (ciphertext.Length == TagSize && chunk > 0)
                return "the payload of the age file ends with an empty chunk, which no age tool writes";
            if (TryOpen(ciphertext, chunk, last))
                return null;
            // A full chunk that opens as the other kind is authentic, and tells truncation and extension from corruption.
            if (ciphertext.Length == ChunkSize + TagSize && TryOpen(ciphertext, chunk, !last))
                return last ? "the payload of the age file ends before its last chunk; the file is truncated" : "something follows the last chunk of the age file";
            return $"chunk {chunk} of the age file is corrupt or cut short; get the file again from its source";
        }

        private bool TryOpen(ReadOnlySpan<byte> ciphertext, ulong chunk, bool last)
        {
            SetNonce(chunk, last);
            int length = ciphertext.Length - TagSize;
            try
            {
                _cipher.Decrypt(_nonce, ciphertext[..length], ciphertext[length..], Output.AsSpan(Produced, length));
            }
            catch (AuthenticationTagMismatchException)
            {
                return false; // Decrypt has zeroed its output
            }
            Produced += length;
            return true;
        }

        // 11 bytes of big-endian counter, then 1 for the last chunk. 2^64 chunks do not come about.
        private void SetNonce(ulong chunk, bool last)
        {
            BinaryPrimitives.WriteUInt64BigEndian(_nonce.AsSpan(3, 8), chunk);
            _nonce[11] = last ? (byte)1 : (byte)0;
        }
    }
}
