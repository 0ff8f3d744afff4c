using System.Text.Json;
using Trove.Exports.Text;

namespace Trove.Exports.ChatGpt;

/// <summary>One node of a conversation's tree.</summary>
internal sealed class ConversationNode
{
    public required string Id { get; init; }
    public required string Parent { get; init; }
    public required JsonValue Message { get; init; }
    public required JsonValue Children { get; init; }

    public bool IsLeaf => !Children.Items().GetEnumerator().MoveNext();

    /// <summary>Empty on the path that the member sees; else the id of the first node that leaves it.</summary>
    public string Branch { get; set; } = "";

    public bool IsShown { get; set; }
}

/// <summary>
/// A conversation as a tree: the path from the root to <c>current_node</c> is what the member sees, everything else are
/// branches left by an edited prompt or an answer made again.
/// </summary>
internal sealed class Conversation
{
    private readonly Dictionary<string, ConversationNode> _nodes = new(StringComparer.Ordinal);
    private readonly List<ConversationNode> _inOrder = [];

    public Conversation(JsonValue conversation)
    {
        Id = conversation.Text("conversation_id"u8) is { Length: > 0 } id ? id : conversation.Text("id"u8);
        Title = conversation.Text("title"u8);
        Project = conversation.Text("gizmo_id"u8);
        CurrentNode = conversation.Text("current_node"u8);
        var mapping = conversation.Get("mapping"u8);
        HasMapping = mapping.ValueKind == JsonValueKind.Object;
        foreach (var member in mapping.Members())
        {
            var node = new ConversationNode
            {
                Id = member.Name,
                Parent = member.Text("parent"u8),
                Message = member.Get("message"u8),
                Children = member.Get("children"u8),
            };
            if (_nodes.TryAdd(node.Id, node))
                _inOrder.Add(node);
            else
                RepeatedNodes++;
        }
    }

    public string Id { get; }
    public string Title { get; }
    public string Project { get; }
    public string CurrentNode { get; }
    public bool HasMapping { get; }
    public int RepeatedNodes { get; }

    /// <summary>Does <see cref="CurrentNode"/> lead to a node?</summary>
    public bool HasCurrentNode => _nodes.ContainsKey(CurrentNode);

    /// <summary>
    /// The nodes of the shown path from the root on, then all others in the file's order with their branch. Without a usable
    /// current node the path to the last leaf in the file's order is taken for the one shown.
    /// </summary>
    public IReadOnlyList<ConversationNode> Walk()
    {
        var path = new List<ConversationNode>();
        var leaf = _nodes.GetValueOrDefault(CurrentNode) ?? _inOrder.FindLast(node => node.IsLeaf);
        for (var node = leaf; node is { IsShown: false }; node = _nodes.GetValueOrDefault(node.Parent))
        {
            node.IsShown = true; // also ends a circle
            path.Add(node);
        }
        path.Reverse();
        if (path.Count == _inOrder.Count)
            return path;
        foreach (var node in _inOrder)
        {
            if (node.IsShown)
                continue;
            FindBranch(node);
            path.Add(node);
        }
        return path;
    }

    /// <summary>Names the branch of a node and of all nodes above it, each node being passed once over the whole tree.</summary>
    private void FindBranch(ConversationNode node)
    {
        var above = new List<ConversationNode>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var at = node; at is { IsShown: false, Branch: "" } && seen.Add(at.Id); at = _nodes.GetValueOrDefault(at.Parent))
            above.Add(at);
        if (above.Count == 0)
            return;
        var top = above[^1];
        var next = _nodes.GetValueOrDefault(top.Parent);
        var branch = next is { IsShown: false, Branch.Length: > 0 } ? next.Branch : top.Id;
        foreach (var at in above)
            at.Branch = branch;
    }

    /// <summary>
    /// What is wrong with the links; null when each node's parent lists it, there is one root, every node hangs below it, and
    /// the current node exists.
    /// </summary>
    public string? Inconsistency()
    {
        if (RepeatedNodes > 0)
            return "a node occurs twice";
        if (_inOrder.Count == 0)
            return null;
        if (!HasCurrentNode)
            return "the current node does not exist";
        int roots = 0, links = 0;
        var children = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in _inOrder)
        {
            roots += node.Parent.Length == 0 ? 1 : 0;
            foreach (var value in node.Children.Items())
            {
                links++;
                var child = value.Text();
                if (!children.Add(child) || !_nodes.TryGetValue(child, out var below) || below.Parent != node.Id)
                    return "a node lists a child that does not name it as parent";
            }
        }
        if (roots != 1)
            return $"it has {roots} roots";
        // Each node but the root is one node's child; n - 1 such links without a circle make a tree.
        return links == _inOrder.Count - 1 && Reachable() == _inOrder.Count ? null : "a node hangs nowhere";
    }

    private int Reachable()
    {
        var waiting = new Stack<ConversationNode>(_inOrder.Where(node => node.Parent.Length == 0));
        int reached = 0;
        while (waiting.TryPop(out var node))
        {
            reached++;
            foreach (var child in node.Children.Items()) // each has one parent only, so none is met twice
                waiting.Push(_nodes[child.Text()]);
        }
        return reached;
    }
}
