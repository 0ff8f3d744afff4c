namespace Trove.SystemTests.Api;

/// <summary>The description of the API: committed, complete, and kept by every answer.</summary>
[Collection(nameof(RequestFixture))]
public sealed class ApiDocumentTests(ApiFixture api)
{
    [Fact]
    public async Task Committed_description_equals_what_a_node_serves()
    {
        await api.ReadyAsync();
        Assert.True(api.Description == await File.ReadAllTextAsync(Contract.Document), $"specs/openapi.json is not what the node serves; run this test once with {Contract.Update}=1 and commit the result");
    }
}
