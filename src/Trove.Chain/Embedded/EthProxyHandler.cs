using System.Net;
using System.Net.Http.Headers;
using Trove.Chain.Rpc;

namespace Trove.Chain.Embedded;

/// <summary>
/// Lets an <see cref="EthClient"/> of this process speak to the embedded chain through its proxy: transactions go through
/// the journal, and callers see no difference to a network.
/// </summary>
public sealed class EthProxyHandler(EthProxy proxy) : HttpMessageHandler
{
    /// <summary>A client of the chain behind <paramref name="proxy"/>.</summary>
    public static EthClient CreateClient(EthProxy proxy) => new(new Uri("http://127.0.0.1/"), handler: new EthProxyHandler(proxy));

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = await request.Content!.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        var answer = new ByteArrayContent(await proxy.HandleAsync(body, cancellationToken).ConfigureAwait(false));
        answer.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = answer, RequestMessage = request };
    }
}
