using System.Net;
using System.Net.Http.Json;
using Trove.Core;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Evaluations;

/// <summary>A node that shows every guardian the same questions and every verifier the same answers, whatever was asked, and keeps what it is sent.</summary>
internal sealed class InventingNode : HttpMessageHandler
{
    public List<GuardianQuestion> Questions { get; } = [];

    public List<OprfAnswer?> Answers { get; } = [];

    public List<(Hash32 Question, OprfAnswer Answer)> Taken { get; } = [];

    public TroveClient Client() => new(new Uri("http://inventing.node/"), false, this);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath;
        if (request.Method == HttpMethod.Get)
            return new HttpResponseMessage { Content = path.EndsWith("/answers", StringComparison.Ordinal) ? JsonContent.Create(Answers, options: TroveJson.Options) : JsonContent.Create(Questions, options: TroveJson.Options) };
        if (path.EndsWith("/answers", StringComparison.Ordinal))
            Taken.Add((Hash32.Parse(path.Split('/')[^2]), (await request.Content!.ReadFromJsonAsync<OprfAnswer>(TroveJson.Options, cancellationToken))!));
        return new HttpResponseMessage(HttpStatusCode.NoContent);
    }
}
