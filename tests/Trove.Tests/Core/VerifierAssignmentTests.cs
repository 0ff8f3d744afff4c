using Trove.Core;

namespace Trove.Tests.Core;

public class VerifierAssignmentTests
{
    private static readonly Address Asset = A(0x11), Owner = A(0xaa);
    private static readonly Hash32 Contribution = Hash32.Parse("0xdddfeef30c24dc3291f37e079f426d380f124966c2caa9cc0becf64a6ecd2516");
    private static readonly Hash32 PartsRoot = Hash32.Parse("0xfdaa05ad89ea84e3d74f523a1c4cb386ad5e4e206ded072e194702b362a96544");

    // The example of specs/parts.md.
    [Fact]
    public void What_was_announced_is_written_and_drawn_as_specified()
    {
        Assert.Equal("0000001174726f76652f6f7072662f647261772f31" + new string('1', 40) + Contribution.ToHex() + new string('a', 40) + PartsRoot.ToHex(),
            Convert.ToHexStringLower(VerifierAssignment.Input(Asset, Contribution, Owner, PartsRoot)));
        Assert.Equal([A(0xc2), A(0xc1)], Drawn(0x77, A(0xc1), A(0xc2), A(0xc3)));
    }

    [Fact]
    public void Order_and_repetition_of_the_set_change_nothing_and_too_few_are_refused()
    {
        Assert.Equal(Drawn(0x77, A(0xc1), A(0xc2), A(0xc3)), Drawn(0x77, A(0xc3), A(0xc3), A(0xc1), A(0xc2)));
        Assert.Throws<ArgumentException>(() => Drawn(0x77, A(0xc1)));
        // Each is drawn as often as another: 2 of 3 for 300 seeds, give or take five standard deviations.
        var counts = Enumerable.Range(0, 300).SelectMany(i => VerifierAssignment.Draw(Keccak256.Hash(BitConverter.GetBytes(i)), Contribution, [A(0xc1), A(0xc2), A(0xc3)], 2)).CountBy(v => v);
        Assert.All(counts, c => Assert.InRange(c.Value, 160, 240));
    }

    private static Address[] Drawn(byte seed, params Address[] verifiers) => VerifierAssignment.Draw(new Hash32([.. Enumerable.Repeat(seed, 32)]), Contribution, verifiers, 2);

    private static Address A(byte value) => new([.. Enumerable.Repeat(value, 20)]);
}
