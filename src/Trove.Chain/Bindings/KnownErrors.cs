using Trove.Chain.Rpc;
namespace Trove.Chain.Bindings;
/// <summary>x</summary>
public static class KnownErrors { /// <summary>x</summary>
 public static IReadOnlyList<AbiError> All => []; }
