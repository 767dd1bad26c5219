#!/bin/bash
# Builds a copy of this checkout for the CPU, with a stand-in for TorchSharp's CUDA package, and for the CPU again, and asks each build what
# it computes on. The stand-in is laid out as the real one, which is over 4 GB: the CPU's libraries, and two of CUDA that do nothing, one of
# which comes in two parts that the package's own targets join. Of the tests and of the scripts' host, which are built too, it looks for
# copies of libtorch: two of them in a process end it. Linux on x64 only. Restore first (dotnet restore), then:
#
#   bash tests/cuda_package.sh
#
# It takes a few minutes and 2 GB for temporary files, and ends with 1 where something failed.
set -u
root=$(cd "$(dirname -- "$0")/.." && pwd)
work=$(mktemp -d)
packages=$(dotnet nuget locals global-packages --list | sed 's/^[^:]*: *//; s:/$::')
version=0.0.0-stand-in
trap 'rm -rf "$work" "$packages/torchsharp-cuda-linux/$version"' EXIT
failed=0

said() { # said WHAT CONDITION…: prints whether a condition holds
    local what=$1; shift
    if "$@"; then echo "ok      $what"; else echo "FAILED  $what"; failed=1; fi
}

# The copy, which takes the stand-in in place of the real package.
mkdir "$work/kit" "$work/package" "$work/feed"
git -C "$root" ls-files -z | tar -C "$root" --null -T - -c | tar -C "$work/kit" -x
sed -i "/TorchSharp-cuda-linux/s/Version=\"[^\"]*\"/Version=\"$version\"/" "$work/kit/Directory.Packages.props"

# The package.
cd "$work/package" || exit 1
mkdir native
cp "$packages"/libtorch-cpu-linux-x64/*/runtimes/linux-x64/native/lib{c10,torch,torch_cpu,torch_global_deps}.so native/
cp "$packages"/libtorch-cpu-linux-x64/*/runtimes/linux-x64/native/libgomp-*.so.1 native/
cp native/libtorch_global_deps.so native/libc10_cuda.so
split -n 2 native/libtorch_global_deps.so part.
mv part.aa native/libtorch_cuda.so
cat > TorchSharp-cuda-linux.csproj <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>netstandard2.0</TargetFramework>
    <PackageId>TorchSharp-cuda-linux</PackageId>
    <Version>$version</Version>
    <Authors>none</Authors>
    <Description>A stand-in.</Description>
    <IncludeBuildOutput>false</IncludeBuildOutput>
    <NoWarn>NU5100;NU5128;NU5127;NU5104</NoWarn>
  </PropertyGroup>
  <ItemGroup>
    <None Include="native/*" Pack="true" PackagePath="runtimes/linux-x64/native" />
    <None Include="part.ab" Pack="true" PackagePath="fragments" />
    <None Include="join.targets" Pack="true" PackagePath="build/netstandard2.0/TorchSharp-cuda-linux.targets" />
  </ItemGroup>
</Project>
XML
cat > join.targets <<'XML'
<Project>
  <Target Name="JoinStandIn" BeforeTargets="PrepareForBuild">
    <Exec Command="cd &quot;$(MSBuildThisFileDirectory)../..&quot; &amp;&amp; if [ -e fragments/part.ab ]; then cat fragments/part.ab &gt;&gt; runtimes/linux-x64/native/libtorch_cuda.so; rm fragments/part.ab; chmod 600 runtimes/linux-x64/native/libtorch_cuda.so; fi" />
  </Target>
</Project>
XML
dotnet pack -c Release -o "$work/feed" -v q -nologo > "$work/pack.log" 2>&1 || { cat "$work/pack.log"; exit 1; }

cd "$work/kit" || exit 1
out=core/bin/Release/net10.0
tests=tests/Electra.Core.Tests/bin/Release/net10.0
host=scripts/host/bin/Release/net10.0

build() { # build BACKEND
    dotnet build Electra.Core.sln -c Release -v q -nologo -p:RunAnalyzers=false -p:TorchBackend="$1" \
        -p:RestoreAdditionalProjectSources="$work/feed" > "$work/build.log" 2>&1 || { tail -n 20 "$work/build.log"; return 1; }
}

script() { # script NAME ARGUMENTS…: what a script of the copy says, in $work/said
    local name=$1; shift
    env -u ELECTRA_LIBTORCH dotnet "$host/dotnet-script.dll" "scripts/$name" -- "$@" > "$work/said" 2>&1
}

tells() { tr -s ' \n' ' ' < "$work/said" | grep -qF -- "$1" || { cat "$work/said"; return 1; }; }

computes_on_cpu() {
    build cpu && script doctor.csx && tells "$out/libtorch" && tells "is for the CPU alone" && [ ! -e "$out/runtimes/linux-x64/native/libtorch_cuda.so" ]
}

has_no_copy() { # has_no_copy FOLDER: no libtorch lies there, and none is named that .NET would look for
    ! { find "$1" -name '*torch*.so*' -o -name '*c10*.so*'; grep -l '/native/.*\(torch\|c10\)' "$1"/*.deps.json; } | grep .
}

tests_compute() {
    has_no_copy "$tests" || return 1
    env -u ELECTRA_LIBTORCH "$tests/Electra.Core.Tests" -class '*.StagingTests' > "$work/said" 2>&1 && tells "Failed: 0"
}

said "a build for the CPU says that it is" computes_on_cpu
said "the tests compute with it, and have no copy" tests_compute
said "the host has no copy" has_no_copy "$host"
said "a build for CUDA after it" build cuda
said "its library of two parts is whole, and all may read it" \
    test "$(stat -c %s "$out/runtimes/linux-x64/native/libtorch_cuda.so")$(stat -c %A "$out/runtimes/linux-x64/native/libtorch_cuda.so" | cut -c8)" \
    = "$(stat -c %s "$work/package/native/libtorch_global_deps.so")r"
said "nothing of the CPU's is left before it" test ! -e "$out/libtorch/libtorch_cpu.so"
said "the tests compute with it, and have no copy" tests_compute
said "the host has no copy" has_no_copy "$host"
script doctor.csx
said "it says that CUDA cannot be used, and why" tells "cannot be used: "
said "and from where libtorch comes" tells "$out/runtimes/linux-x64/native"
script bench.csx weights steps=3 size=small
said "it computes on the CPU, and warns" tells "this build is for CUDA, which cannot be used: "
script bench.csx compute.device=cuda
said "it refuses a device that is not there" tells "compute.device: cuda was asked for, but there is no CUDA device to use"
said "a build for the CPU after it says that it is" computes_on_cpu
said "the tests compute with it, and have no copy" tests_compute
said "the host has no copy" has_no_copy "$host"
exit "$failed"
