namespace Trove.Models.Tokenization;

/// <summary>Cuts documents into words and counts these, on several threads.</summary>
internal sealed class WordCounter(TrainerOptions options)
{
    private const int BatchBytes = 1 << 18, BatchDocuments = 1000;

    private readonly struct Words(WordCounts counts) : IWords
    {
        public void Add(ReadOnlySpan<byte> text, int start, int end) => counts.Add(text[start..end]);
    }

    /// <summary>Counts the words of all documents.</summary>
    public WordCounts Count(IEnumerable<ReadOnlyMemory<byte>> documents, IProgress<TrainingProgress>? progress, out long bytes, CancellationToken cancel)
    {
        using var source = documents.GetEnumerator();
        var counts = new WordCounts[options.Threads];
        long done = 0;
        bool ended = false;

        void Work(int worker)
        {
            try
            {
                CountBatches(worker);
            }
            catch
            {
                lock (source)
                    ended = true; // for the others
                throw;
            }
        }

        void CountBatches(int worker)
        {
            var words = new Words(counts[worker] = new WordCounts());
            var normalized = Array.Empty<byte>();
            var spaced = Array.Empty<byte>();
            var batch = new List<ReadOnlyMemory<byte>>();
            while (Take(batch) is > 0 and var taken)
            {
                cancel.ThrowIfCancellationRequested();
                foreach (var document in batch)
                {
                    var text = document.Span;
                    if (options.Nfc && !Nfc.IsNormalized(text))
                    {
                        int length = Nfc.Normalize(text, ref normalized);
                        text = normalized.AsSpan(0, length);
                    }
                    options.PreTokenizer.Cut(text, ref spaced, ref words);
                }
                progress?.Report(new TrainingProgress(Interlocked.Add(ref done, taken), 0));
            }
        }

        // Returns the bytes taken, at least one where documents are left; one thread at a time asks for documents.
        long Take(List<ReadOnlyMemory<byte>> batch)
        {
            long taken = 0;
            batch.Clear();
            lock (source)
                while (!ended && taken < BatchBytes && batch.Count < BatchDocuments && !(ended = !source.MoveNext()))
                {
                    batch.Add(source.Current);
                    taken += source.Current.Length;
                }
            return batch.Count == 0 ? 0 : Math.Max(1, taken);
        }

        if (options.Threads == 1)
            Work(0);
        else
        {
            var workers = new Task[options.Threads];
            for (int i = 0; i < workers.Length; i++)
            {
                int worker = i;
                workers[i] = Task.Factory.StartNew(() => Work(worker), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            try
            {
                Task.WaitAll(workers, CancellationToken.None);
            }
            catch (AggregateException e)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
            }
        }
        for (int i = 1; i < counts.Length; i++)
            counts[0].Add(counts[i]);
        bytes = done;
        return counts[0];
    }
}
