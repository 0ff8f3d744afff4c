using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Trove.SystemTests")]
