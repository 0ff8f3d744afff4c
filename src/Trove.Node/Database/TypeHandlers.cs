using System.Data;
using Dapper;
using Trove.Core;

namespace Trove.Node.Database;

/// <summary>How Dapper maps: hashes and addresses to <c>bytea</c>, a column <c>stored_at</c> to a member <c>StoredAt</c>.</summary>
internal static class TypeHandlers
{
    public static void Register()
    {
        DefaultTypeMap.MatchNamesWithUnderscores = true;
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
