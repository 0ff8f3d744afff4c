using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Trove.Core;
using Trove.Node.Vault;
using static Trove.SystemTests.Vault.VaultTestExtensions;

namespace Trove.SystemTests.Vault;

public sealed class VaultEndpointTests(PostgresFixture postgres) : IAsyncLifetime
{
    private static readonly Hash32 Contribution = Hash32.Parse(new string('1', 64));
    private static readonly byte[] Part = Content(1, 3000);
    private static readonly byte[] Evidence = Content(2, 500);

    private readonly string _folder = TestFolder.Create();
    private VaultHost _host = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await VaultHost.StartAsync(await postgres.NewDatabaseAsync(), _folder,
            new VaultOptions { PieceBytes = 2000, Grace = TimeSpan.FromSeconds(1), BytesPerSecond = 1 << 20, KeepFree = 0 });
        await _host.Vault.DeclareAsync(_host.Database, Contribution, BlobKind.Part, Part);
        await _host.Vault.DeclareAsync(_host.Database, Contribution, BlobKind.Evidence, Evidence);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_part_comes_in_pieces_and_is_served_whole_and_by_ranges()
    {
        var first = await Json(await PutAsync(Part, 0, 2000), HttpStatusCode.OK);
        Assert.Equal(2000, first.GetProperty("received").GetInt64());
        Assert.Equal("receiving", first.GetProperty("state").GetString());
        await Problem(await _host.Client.GetAsync(UrlOf(Part)), 404, "blob-not-found");
        var second = await Json(await PutAsync(Part, 2000, 1000), HttpStatusCode.OK);
        Assert.Equal("stored", second.GetProperty("state").GetString());

        using var whole = await _host.Client.GetAsync(UrlOf(Part));
        Assert.Equal(Part, await whole.Content.ReadAsByteArrayAsync());
        Assert.Equal("application/octet-stream", whole.Content.Headers.ContentType!.MediaType);
        Assert.Equal("attachment", whole.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Equal("nosniff", whole.Headers.GetValues("X-Content-Type-Options").Single());
        var tag = whole.Headers.ETag!;
        Assert.Equal($"\"{Part.Sha256().ToHex()}\"", tag.Tag);

        using var range = new HttpRequestMessage(HttpMethod.Get, UrlOf(Part)) { Headers = { Range = new RangeHeaderValue(100, 199) } };
        using var some = await _host.Client.SendAsync(range);
        Assert.Equal(HttpStatusCode.PartialContent, some.StatusCode);
        Assert.Equal(Part[100..200], await some.Content.ReadAsByteArrayAsync());

        using var same = new HttpRequestMessage(HttpMethod.Get, UrlOf(Part)) { Headers = { IfNoneMatch = { tag } } };
        Assert.Equal(HttpStatusCode.NotModified, (await _host.Client.SendAsync(same)).StatusCode);
        using var beyond = new HttpRequestMessage(HttpMethod.Get, UrlOf(Part)) { Headers = { Range = new RangeHeaderValue(3000, 3001) } };
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, (await _host.Client.SendAsync(beyond)).StatusCode);
        using var head = await _host.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, UrlOf(Part)));
        Assert.Equal(3000, head.Content.Headers.ContentLength);
    }

    [Fact]
    public async Task The_list_says_how_far_each_blob_came()
    {
        await PutAsync(Part, 0, 100);
        var list = await Json(await _host.Client.GetAsync($"/api/v1/contributions/{Contribution}/blobs"), HttpStatusCode.OK);
        Assert.Equal(2000, list.GetProperty("pieceBytes").GetInt32());
        var blobs = list.GetProperty("blobs").EnumerateArray().ToArray();
        Assert.Equal(["part", "evidence"], blobs.Select(b => b.GetProperty("kind").GetString()!));
        Assert.Equal([100, 0], blobs.Select(b => b.GetProperty("received").GetInt64()));
        Assert.Equal(Part.Sha256().ToString(), blobs[0].GetProperty("sha256").GetString());
        await Problem(await _host.Client.GetAsync($"/api/v1/contributions/{new string('9', 64)}/blobs"), 404, "contribution-not-found");
    }

    [Fact]
    public async Task Evidence_is_not_served_here_not_even_when_somebody_declares_its_hash_as_a_part()
    {
        await PutAsync(Evidence, 0, 500);
        await Problem(await _host.Client.GetAsync(UrlOf(Evidence)), 404, "blob-not-found");
        await _host.Vault.DeclareAsync(_host.Database, Hash32.Parse(new string('2', 64)), BlobKind.Part, Evidence);
        await Problem(await _host.Client.GetAsync(UrlOf(Evidence)), 404, "blob-not-found");
        await using var read = await _host.Vault.OpenReadAsync(Evidence.Sha256(), BlobKind.Evidence, CancellationToken.None);
        Assert.Equal(500, read.Length);
    }

    [Fact]
    public async Task A_wrong_offset_is_answered_with_the_right_one_and_a_repeated_piece_with_success()
    {
        await PutAsync(Part, 0, 1000);
        foreach (int offset in new[] { 999, 1001 })
            Assert.Equal(1000, (await Problem(await PutAsync(Part, offset, 500), 409, "wrong-offset")).GetProperty("received").GetInt64());
        Assert.Equal(1000, (await Json(await PutAsync(Part, 300, 700), HttpStatusCode.OK)).GetProperty("received").GetInt64());
        var other = (byte[])Part.Clone();
        other[500] ^= 1;
        await Problem(await PutAsync(Part, 0, 1000, other), 409, "other-bytes");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer wrong")]
    [InlineData("Basic " + Token)]
    [InlineData("Bearer ")]
    [InlineData(Token)]
    public async Task Without_the_token_nothing_is_taken(string? authorization)
    {
        await Problem(await PutAsync(Part, 0, 100, authorization: authorization), 401, "upload-token");
        Assert.All(await _host.Vault.StatusAsync(Contribution, CancellationToken.None), b => Assert.Equal(0, b.Received));
    }

    [Fact]
    public async Task The_token_of_one_contribution_is_none_for_another()
    {
        var other = Hash32.Parse(new string('3', 64));
        await _host.Database.TransactAsync(t => _host.Vault.DeclareAsync(t, other, Owner, BlobKind.Part, Part.Sha256(), 3000, CancellationToken.None), CancellationToken.None);
        await Problem(await PutAsync(Part, 0, 100, contribution: other.ToHex()), 401, "upload-token");
    }

    [Fact]
    public async Task Refusals_have_their_status_and_say_what_to_do()
    {
        await Problem(await PutAsync(Part, 0, 2001), 413, "too-large");
        await Problem(await PutAsync(Evidence, 0, 501, Content(2, 501)), 413, "too-large");
        await Problem(await PutAsync(Part, 0, 0), 400, "truncated");
        await Problem(await PutAsync(Content(9, 10), 0, 10), 404, "blob-not-found");
        await Problem(await PutAsync(Part, 0, 10, contribution: "zz"), 400, "bad-id");
        await Problem(await _host.Client.GetAsync("/api/v1/blobs/abc"), 400, "bad-id");
        await Problem(await PutAsync(Part, -1, 10), 400, "bad-offset");
        using var chunked = Request(Part, 0);
        chunked.Content = new StreamContent(new MemoryStream(Part));
        chunked.Headers.TransferEncodingChunked = true;
        await Problem(await _host.Client.SendAsync(chunked), 411, "length-required");
    }

    [Fact]
    public async Task Bytes_with_another_hash_are_dropped_and_the_upload_starts_again()
    {
        var wrong = (byte[])Evidence.Clone();
        wrong[0] ^= 1;
        var problem = await Problem(await PutAsync(Evidence, 0, 500, wrong), 422, "hash-mismatch");
        Assert.Equal(0, problem.GetProperty("received").GetInt64());
        Assert.Equal("stored", (await Json(await PutAsync(Evidence, 0, 500), HttpStatusCode.OK)).GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_destroyed_part_is_gone_and_says_since_when()
    {
        await PutAsync(Part, 0, 2000);
        await PutAsync(Part, 2000, 1000);
        Assert.Equal(1, await _host.Vault.DestroyAsync(Contribution, BlobKind.Part, CancellationToken.None));
        Assert.Contains("was destroyed at", (await Problem(await _host.Client.GetAsync(UrlOf(Part)), 410, "blob-gone")).GetProperty("detail").GetString());
        await Problem(await PutAsync(Part, 0, 2000), 410, "blob-gone");
    }

    [Fact]
    public async Task A_client_that_stops_sending_is_cut_off_and_nothing_of_its_piece_is_kept()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, _host.Client.BaseAddress!.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"PUT /api/v1/contributions/{Contribution}/blobs/{Part.Sha256().ToHex()}?offset=0 HTTP/1.1\r\nHost: x\r\n"
            + $"Authorization: Bearer {Token}\r\nContent-Length: 1000\r\n\r\nonly this"));
        using var reader = new StreamReader(stream);
        var answer = await reader.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 408", answer);
        Assert.Contains("urn:trove:problem:too-slow", answer);
        Assert.Equal("receiving", (await Json(await PutAsync(Part, 0, 10), HttpStatusCode.OK)).GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_connection_that_breaks_in_a_piece_leaves_nothing_of_it()
    {
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(IPAddress.Loopback, _host.Client.BaseAddress!.Port);
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"PUT /api/v1/contributions/{Contribution}/blobs/{Part.Sha256().ToHex()}?offset=0 HTTP/1.1\r\nHost: x\r\n"
                + $"Authorization: Bearer {Token}\r\nContent-Length: 1000\r\n\r\n{new string('x', 999)}"));
        }
        Assert.Equal(1000, (await Json(await PutAsync(Part, 0, 1000), HttpStatusCode.OK)).GetProperty("received").GetInt64());
    }

    private static string UrlOf(byte[] content) => $"/api/v1/blobs/{content.Sha256().ToHex()}";

    private static HttpRequestMessage Request(byte[] content, long offset, string? contribution = null, string? authorization = "Bearer " + Token)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, $"/api/v1/contributions/{contribution ?? Contribution.ToHex()}/blobs/{content.Sha256().ToHex()}?offset={offset}");
        if (authorization is not null)
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        return request;
    }

    private async Task<HttpResponseMessage> PutAsync(byte[] content, int offset, int length, byte[]? bytes = null, string? contribution = null, string? authorization = "Bearer " + Token)
    {
        using var request = Request(content, offset, contribution, authorization);
        request.Content = new ByteArrayContent(bytes ?? content, Math.Max(0, offset), length);
        return await _host.Client.SendAsync(request);
    }

    private static async Task<JsonElement> Json(HttpResponseMessage response, HttpStatusCode status)
    {
        using (response)
        {
            Assert.Equal(status, response.StatusCode);
            return await response.Content.ReadFromJsonAsync<JsonElement>();
        }
    }

    private static async Task<JsonElement> Problem(HttpResponseMessage response, int status, string code)
    {
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = await Json(response, (HttpStatusCode)status);
        Assert.Equal("urn:trove:problem:" + code, problem.GetProperty("type").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        Assert.NotEmpty(problem.GetProperty("nextStep").GetString()!);
        return problem;
    }
}
