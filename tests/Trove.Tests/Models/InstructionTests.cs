using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using Trove.Models;

namespace Trove.Tests.Models;

/// <summary>What Trove.Models calls: nothing whose result may differ from machine to machine.</summary>
public partial class InstructionTests
{
    [Fact]
    public void Nothing_is_called_that_differs_between_machines()
    {
        var called = Called(typeof(Transformer).Assembly.Location).ToList();
        Assert.Contains("System.Runtime.Intrinsics.Vector512.FusedMultiplyAdd", called);
        Assert.Contains("System.MathF.Sqrt", called);
        Assert.Empty(called.Where(name => Banned().IsMatch(name)).Distinct());
    }

    // The rule is only worth something if it catches what it is for: this assembly calls each of them below.
    [Theory]
    [InlineData("System.MathF.Exp")]
    [InlineData("System.Math.Pow")]
    [InlineData("System.Math.Log")]
    [InlineData("System.Math.ReciprocalSqrtEstimate")]
    [InlineData("System.Single.Sin")]
    [InlineData("System.Double.Tanh")]
    [InlineData("System.Runtime.Intrinsics.Vector512.Exp")]
    [InlineData("System.Runtime.Intrinsics.Vector256.Cos")]
    [InlineData("System.Runtime.Intrinsics.Vector512.Sum")]
    [InlineData("System.Runtime.Intrinsics.Vector256.Dot")]
    [InlineData("System.Runtime.Intrinsics.Vector512.MultiplyAddEstimate")]
    [InlineData("System.Runtime.Intrinsics.Vector128.ConvertToInt32Native")]
    [InlineData("System.Runtime.Intrinsics.X86.Sse.ReciprocalSqrt")]
    [InlineData("System.Numerics.Vector`1.op_Addition")]
    [InlineData("System.Random.NextSingle")]
    public void Each_banned_call_is_caught(string name)
    {
        Assert.Matches(Banned(), name);
        Assert.Contains(name, Called(typeof(InstructionTests).Assembly.Location));
    }

    [Theory]
    [InlineData("System.MathF.Sqrt")]
    [InlineData("System.Math.FusedMultiplyAdd")]
    [InlineData("System.Runtime.Intrinsics.Vector512.Create")]
    [InlineData("System.Security.Cryptography.RandomNumberGenerator.Fill")]
    public void What_is_exact_is_allowed(string name) => Assert.DoesNotMatch(Banned(), name);

    // Everything the assembly refers to by member, with generic types and methods by their definitions.
    private static HashSet<string> Called(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var metadata = file.GetMetadataReader();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var handle in metadata.MemberReferences)
        {
            var member = metadata.GetMemberReference(handle);
            if (Parent(metadata, member.Parent) is { } type)
                names.Add($"{type}.{metadata.GetString(member.Name)}");
        }
        return names;
    }

    private static string? Parent(MetadataReader metadata, EntityHandle handle) => handle.Kind switch
    {
        HandleKind.TypeReference when metadata.GetTypeReference((TypeReferenceHandle)handle) is var t => t.ResolutionScope.Kind == HandleKind.TypeReference
            ? $"{Parent(metadata, t.ResolutionScope)}.{metadata.GetString(t.Name)}" : $"{metadata.GetString(t.Namespace)}.{metadata.GetString(t.Name)}",
        HandleKind.TypeSpecification => Generic(metadata, metadata.GetTypeSpecification((TypeSpecificationHandle)handle)),
        _ => null,
    };

    // GENERICINST, CLASS or VALUETYPE, then the type (ECMA-335 II.23.2.12).
    private static string? Generic(MetadataReader metadata, TypeSpecification specification)
    {
        var blob = metadata.GetBlobReader(specification.Signature);
        return blob.ReadByte() == (byte)SignatureTypeCode.GenericTypeInstance && blob.ReadByte() is 0x11 or 0x12 ? Parent(metadata, blob.ReadTypeHandle()) : null;
    }

    // Called by nobody: the call sites are what counts.
    private static float Differs(float x, System.Numerics.Vector<float> v) =>
        MathF.Exp(x) + (float)Math.Pow(x, x) + (float)Math.Log(x) + (float)Math.ReciprocalSqrtEstimate(x) + float.Sin(x) + (float)double.Tanh(x)
        + System.Runtime.Intrinsics.Vector512.Exp(System.Runtime.Intrinsics.Vector512.Create(x))[0] + System.Runtime.Intrinsics.Vector256.Cos(System.Runtime.Intrinsics.Vector256.Create(x))[0]
        + System.Runtime.Intrinsics.Vector512.Sum(System.Runtime.Intrinsics.Vector512.Create(x)) + System.Runtime.Intrinsics.Vector256.Dot(System.Runtime.Intrinsics.Vector256.Create(x), System.Runtime.Intrinsics.Vector256.Create(x))
        + System.Runtime.Intrinsics.Vector512.MultiplyAddEstimate(System.Runtime.Intrinsics.Vector512.Create(x), System.Runtime.Intrinsics.Vector512.Create(x), System.Runtime.Intrinsics.Vector512.Create(x))[0]
        + System.Runtime.Intrinsics.Vector128.ConvertToInt32Native(System.Runtime.Intrinsics.Vector128.Create(x))[0] + System.Runtime.Intrinsics.X86.Sse.ReciprocalSqrt(System.Runtime.Intrinsics.Vector128.Create(x))[0]
        + (v + v)[0] + new Random().NextSingle();

    [GeneratedRegex(@"^System\.(Math|MathF|Double|Single|Half)\.(A?(Cosh?|Sinh?|Tanh?)|Atan2|SinCos|.*Pi|Exp.*|Log.*|Pow|Cbrt|RootN|Hypot|.*Estimate|.*Native)$" +
        @"|^System\.Runtime\.Intrinsics\.Vector(64|128|256|512)(`1)?\.(Exp|Log2?|Sin|Cos|SinCos|Hypot|Sum|Dot|.*Estimate|.*Native)$" +
        @"|^System\.Runtime\.Intrinsics\.X86\..*\.?(Reciprocal.*|DotProduct)$|^System\.Numerics\.(Vector`1|Vector|Tensors\..*|Vector[234])\..*$|^System\.Random\.(\.ctor|Next.*|get_Shared)$")]
    private static partial Regex Banned();
}
