using System.Net;

namespace Trove.Node.Sessions;

/// <summary>
/// The names that wallets may sign in to. A request's Host header is whatever its sender likes: another site could forward what its
/// visitors signed for itself. An address that is no name belongs to nobody's site.
/// </summary>
/// <param name="url">What members know the node under; null when only addresses and this machine's own names are used.</param>
public sealed class PublicSite(Uri? url)
{
    /// <summary>Is this a name of this node?</summary>
    public bool Is(Uri site) => site.IsLoopback || IPAddress.TryParse(site.Host.Trim('[', ']'), out _) || (url is not null && site.Authority.Equals(url.Authority, StringComparison.OrdinalIgnoreCase));
}
