using System.Reflection;
using System.Runtime.InteropServices;

namespace Trove.Crypto;

/// <summary>The functions used of libsodium 1.0.18, libsecp256k1 0.2.0 and libc. Callers check lengths; C does not.</summary>
internal static unsafe class Native
{
    private const string Sodium = "libsodium.so.23";
    private const string Secp256k1 = "libsecp256k1.so.1";

    static Native() => NativeLibrary.SetDllImportResolver(typeof(Native).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? paths)
    {
        if (name is not (Sodium or Secp256k1))
            return 0;
        if (!NativeLibrary.TryLoad(name, assembly, paths, out nint library))
            throw new DllNotFoundException($"{name} could not be loaded; on Debian: apt-get install {(name == Sodium ? "libsodium23" : "libsecp256k1-1")}");
        if (name == Sodium && ((delegate* unmanaged<int>)NativeLibrary.GetExport(library, "sodium_init"))() < 0)
            throw new DllNotFoundException($"{name} was loaded, but sodium_init failed; see the system's random source");
        return library;
    }

    [DllImport(Sodium)] public static extern int crypto_scalarmult(byte* q, byte* n, byte* p);
    [DllImport(Sodium)] public static extern int crypto_scalarmult_base(byte* q, byte* n);
    [DllImport(Sodium)] public static extern int crypto_pwhash_scryptsalsa208sha256_ll(byte* password, nuint passwordLength, byte* salt, nuint saltLength, ulong n, uint r, uint p, byte* output, nuint outputLength);
    [DllImport(Sodium)] public static extern int crypto_core_ed25519_add(byte* r, byte* p, byte* q);
    [DllImport(Sodium)] public static extern int crypto_core_ed25519_sub(byte* r, byte* p, byte* q);
    [DllImport(Sodium)] public static extern int crypto_scalarmult_ed25519_noclamp(byte* q, byte* n, byte* p);
    [DllImport(Sodium)] public static extern int crypto_scalarmult_ed25519_base_noclamp(byte* q, byte* n);
    [DllImport(Sodium)] public static extern int crypto_sign_verify_detached(byte* signature, byte* message, ulong length, byte* key);
    [DllImport(Sodium)] public static extern int crypto_sign_ed25519_pk_to_curve25519(byte* u, byte* p);
    [DllImport(Sodium)] public static extern void crypto_core_ed25519_scalar_reduce(byte* r, byte* s);
    [DllImport(Sodium)] public static extern void crypto_core_ed25519_scalar_mul(byte* z, byte* x, byte* y);
    [DllImport(Sodium)] public static extern void crypto_core_ed25519_scalar_add(byte* z, byte* x, byte* y);
    [DllImport(Sodium)] public static extern void crypto_core_ed25519_scalar_sub(byte* z, byte* x, byte* y);
    [DllImport(Sodium)] public static extern int crypto_core_ed25519_scalar_invert(byte* r, byte* s);
    [DllImport(Sodium)] public static extern void crypto_core_ed25519_scalar_random(byte* r);
    [DllImport(Sodium)] public static extern int crypto_core_ristretto255_is_valid_point(byte* p);
    [DllImport(Sodium)] public static extern int crypto_core_ristretto255_add(byte* r, byte* p, byte* q);
    [DllImport(Sodium)] public static extern int crypto_core_ristretto255_sub(byte* r, byte* p, byte* q);
    [DllImport(Sodium)] public static extern int crypto_core_ristretto255_from_hash(byte* p, byte* r);
    [DllImport(Sodium)] public static extern int crypto_scalarmult_ristretto255(byte* q, byte* n, byte* p);
    [DllImport(Sodium)] public static extern int crypto_scalarmult_ristretto255_base(byte* q, byte* n);

    [DllImport(Secp256k1)] public static extern nint secp256k1_context_create(uint flags);
    [DllImport(Secp256k1)] public static extern int secp256k1_context_randomize(nint context, byte* seed);
    [DllImport(Secp256k1)] public static extern int secp256k1_ec_seckey_verify(nint context, byte* secret);
    [DllImport(Secp256k1)] public static extern int secp256k1_ec_pubkey_create(nint context, byte* key, byte* secret);
    [DllImport(Secp256k1)] public static extern int secp256k1_ec_pubkey_serialize(nint context, byte* output, nuint* length, byte* key, uint flags);
    [DllImport(Secp256k1)] public static extern int secp256k1_ecdsa_sign_recoverable(nint context, byte* signature, byte* digest, byte* secret, nint nonceFunction, nint nonceData);
    [DllImport(Secp256k1)] public static extern int secp256k1_ecdsa_recoverable_signature_serialize_compact(nint context, byte* output, int* recovery, byte* signature);
    [DllImport(Secp256k1)] public static extern int secp256k1_ecdsa_recoverable_signature_parse_compact(nint context, byte* signature, byte* input, int recovery);
    [DllImport(Secp256k1)] public static extern int secp256k1_ecdsa_recover(nint context, byte* key, byte* signature, byte* digest);

    [DllImport("libc", SetLastError = true)] public static extern int open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
    [DllImport("libc", SetLastError = true)] public static extern int fsync(int descriptor);
    [DllImport("libc", SetLastError = true)] public static extern int close(int descriptor);

    [DllImport("libc")] public static extern int prctl(int option, nuint second, nuint third, nuint fourth, nuint fifth);
}
