using FsCheck;
using FsCheck.Fluent;
using Trove.Exports;

namespace Trove.Tests.Exports;

public class MetadataTests
{
    [Fact]
    public void It_is_a_sorted_dictionary_of_the_values_that_are_not_empty()
    {
        var pair = Gen.Elements("a", "b", "ab", "B", "é", "z").SelectMany(key => Gen.Elements("", "1", "2", "3").Select(value => (key, value)));
        Check.QuickThrowOnFailure(Prop.ForAll(pair.ArrayOf().ToArbitrary(), pairs =>
        {
            var expected = new SortedDictionary<string, string>(StringComparer.Ordinal);
            var grown = Metadata.Empty;
            foreach (var (key, value) in pairs.Where(p => p.value.Length > 0))
            {
                expected[key] = value;
                grown = grown.SetItem(key, value);
            }
            var meta = Metadata.Of(pairs);
            Assert.Equal(expected, meta);
            Assert.Equal(grown, meta);
            Assert.Equal(grown.GetHashCode(), meta.GetHashCode());
            Assert.Equal(expected.Count, meta.Count);
            foreach (var key in new[] { "a", "b", "ab", "B", "é", "z" })
                Assert.Equal(expected.GetValueOrDefault(key), meta.TryGetValue(key, out var value) ? value : null);
            if (expected.Count > 0)
                Assert.NotEqual(meta, meta.SetItem("a", "9"));
        }));
    }
}
