using System.Runtime.CompilerServices;
using Electra.Native;

namespace Electra.Tests;

internal static class Setup
{
    /// <summary>libtorch must be found by the core before the first tensor is made.</summary>
    [ModuleInitializer]
    internal static void LoadLibTorch() => LibTorch.EnsureLoaded();
}
