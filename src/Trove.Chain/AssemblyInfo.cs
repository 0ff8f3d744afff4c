using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Trove.Tests")]
[assembly: InternalsVisibleTo("Trove.SystemTests")]
