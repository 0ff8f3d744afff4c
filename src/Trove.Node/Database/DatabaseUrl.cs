using System.Net;
using Npgsql;

namespace Trove.Node.Database;

/// <summary>The argument of <c>--db</c>: <c>postgresql://user:password@host:5432/database?sslmode=verify-full</c>.</summary>
public static class DatabaseUrl
{
    /// <summary>
    /// Turns the URL (libpq, section 34.1.1.2 "Connection URIs") into an Npgsql connection string. A host that is not this
    /// machine must show a certificate that verifies, unless <c>sslmode</c> says otherwise: the password travels there.
    /// </summary>
    /// <exception cref="DatabaseException">Not such a URL, or a parameter other than <c>sslmode</c> and <c>host</c>.</exception>
    public static string Parse(string url)
    {
        try
        {
            return Read(url);
        }
        catch (ArgumentException)
        {
            throw Bad("it holds a character that no part of it can have"); // such as NUL; the URL holds a password, so no message repeats it
        }
    }

    private static string Read(string url)
    {
        if (url.Length > 2000 || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("postgres" or "postgresql"))
            throw Bad("it is not a PostgreSQL URL");
        var user = uri.UserInfo.Split(':', 2);
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = uri.Host,
            Port = uri.Port > 0 ? uri.Port : 5432,
            Database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/')),
            Username = Uri.UnescapeDataString(user[0]),
            GssEncryptionMode = GssEncryptionMode.Disable,
            MaxPoolSize = 30, // of the 100 connections that PostgreSQL takes by itself: three nodes and an operator
        };
        if (user.Length == 2)
            builder.Password = Uri.UnescapeDataString(user[1]);
        SslMode? ssl = null;
        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = pair.Split('=', 2) is [var n, var v] ? (n, Uri.UnescapeDataString(v)) : (pair, "");
            switch (name)
            {
                case "sslmode":
                    ssl = Enum.TryParse<SslMode>(value.Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out var mode)
                        && Enum.IsDefined(mode) && char.IsAsciiLetter(value[0])
                        ? mode
                        : throw Bad("its sslmode is none of disable, allow, prefer, require, verify-ca, verify-full");
                    break;
                case "host": // the folder of a unix socket, which has no place in the authority of a URL
                    builder.Host = value;
                    break;
                default:
                    throw Bad($"it has the parameter '{name[..Math.Min(name.Length, 40)]}'; only sslmode and host are known");
            }
        }
        if (builder.Host is null or "")
            throw Bad("it names no host");
        if (builder.Host.Contains(','))
            throw Bad("it names more than one host"); // of which only the first would say whether TLS is needed
        if (builder.Database is null or "")
            throw Bad("it names no database");
        if (builder.Username is null or "")
            throw Bad("it names no user");
        builder.SslMode = ssl ?? (IsHere(builder.Host) ? SslMode.Prefer : SslMode.VerifyFull);
        return builder.ConnectionString;
    }

    private static bool IsHere(string host) =>
        host.StartsWith('/') || host == "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));

    private static DatabaseException Bad(string why) =>
        new($"cannot use the database URL: {why}. Write postgresql://user:password@host:5432/database");
}
