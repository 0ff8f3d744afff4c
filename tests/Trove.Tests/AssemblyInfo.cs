// Some of these tests wait: for servers that are silent, for nodes, for each other.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]
