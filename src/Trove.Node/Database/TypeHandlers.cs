using System.Data;
using Dapper;
using Trove.Core;

namespace Trove.Node.Database;

/// <summary>How Dapper stores Trove's own types: hashes and addresses as <c>bytea</c>.</summary>
internal static class TypeHandlers
{
    public static void Register()
    {
        SqlMapper.AddTypeHandler(new HashHandler());
        SqlMapper.AddTypeHandler(new AddressHandler());
    }

    private sealed class HashHandler : SqlMapper.TypeHandler<Hash32>
    {
        public override void SetValue(IDbDataParameter parameter, Hash32 value) => parameter.Value = value.ToArray();
        public override Hash32 Parse(object value) => new((byte[])value);
    }

    private sealed class AddressHandler : SqlMapper.TypeHandler<Address>
    {
        public override void SetValue(IDbDataParameter parameter, Address value) => parameter.Value = value.ToArray();
        public override Address Parse(object value) => new((byte[])value);
    }
}
