using Microsoft.AspNetCore.Http.Metadata;

namespace Trove.Node.Api;

/// <summary>How large a body one endpoint takes, where it differs from the server's limit.</summary>
/// <param name="bytes">Most bytes.</param>
public sealed class RequestSizeLimit(long bytes) : IRequestSizeLimitMetadata
{
    /// <inheritdoc/>
    public long? MaxRequestBodySize => bytes;
}
