using System.Net;
using Trove.Chain.Embedded;

namespace Trove.Node.Chain;

/// <summary>
/// Lets an <c>EthClient</c> of this process speak to the embedded chain through its proxy: transactions go through the
/// journal, and the rest of the node sees no difference to a network.
/// </summary>
internal sealed class EmbeddedHandler(EthProxy proxy) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = await request.Content!.ReadAsByteArrayAsync(cancellationToken);
        var answer = new ByteArrayContent(await proxy.HandleAsync(body, cancellationToken));
        answer.Headers.ContentType = new("application/json");
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = answer, RequestMessage = request };
    }
}
