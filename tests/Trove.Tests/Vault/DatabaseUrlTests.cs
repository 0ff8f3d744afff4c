using Npgsql;
using Trove.Node.Database;

namespace Trove.Tests.Vault;

public class DatabaseUrlTests
{
    [Theory]
    [InlineData("postgresql://ann:p%40ss@db.example.org:6000/trove", "db.example.org", 6000, "p@ss", SslMode.VerifyFull)]
    [InlineData("postgres://ann:p@localhost/trove", "localhost", 5432, "p", SslMode.Prefer)]
    [InlineData("postgres://ann@127.0.0.1/trove", "127.0.0.1", 5432, null, SslMode.Prefer)]
    [InlineData("postgres://ann@db/trove?sslmode=require", "db", 5432, null, SslMode.Require)]
    [InlineData("postgres://ann@db/trove?sslmode=verify-ca", "db", 5432, null, SslMode.VerifyCA)]
    [InlineData("postgres://ann@localhost/trove?host=/run/postgresql", "/run/postgresql", 5432, null, SslMode.Prefer)]
    public void Becomes_a_connection_string(string url, string host, int port, string? password, SslMode ssl)
    {
        var c = new NpgsqlConnectionStringBuilder(DatabaseUrl.Parse(url));
        Assert.Equal((host, port, "trove", "ann", password, ssl), (c.Host, c.Port, c.Database, c.Username, c.Password, c.SslMode));
    }

    [Theory]
    [InlineData("")]
    [InlineData("db.example.org")]
    [InlineData("mysql://ann:secret@db/trove")]
    [InlineData("postgres://ann:secret@db")]
    [InlineData("postgres://db/trove")]
    [InlineData("postgres://ann:secret@db/trove?sslmode=")]
    [InlineData("postgres://ann:secret@db/trove?sslmode=1")]
    [InlineData("postgres://ann:secret@db/trove?options=-c")]
    [InlineData("postgres://ann:secret@db:99999/trove")]
    public void What_cannot_be_used_is_refused_without_showing_the_password(string url)
    {
        var e = Assert.Throws<DatabaseException>(() => DatabaseUrl.Parse(url));
        Assert.DoesNotContain("secret", e.ToString());
        Assert.Contains("postgresql://user:password@", e.Message);
    }
}
