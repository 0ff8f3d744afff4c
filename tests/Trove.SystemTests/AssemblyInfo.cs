// Most of these tests wait: for votes, blocks, processes. More of them than there are cores go at once.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]
[assembly: TestCollectionOrderer(typeof(Trove.SystemTests.LongestFirst))]
