using System.Text;
using Electra.Storage;

namespace Electra.Configuration;

/// <summary>YAML files to typed, immutable, checked records, and back.</summary>
internal static class Config
{
    /// <summary>Reads a configuration file and lays it, and the overrides, over the defaults.</summary>
    /// <param name="file">The file: a relative path is looked for in the working directory, then at the project's root.</param>
    /// <param name="overrides">
    /// Arguments such as <c>training.learning_rate=3e-4</c>: a dotted key and a value; <c>tasks=[rte, cola]</c> and
    /// <c>corpus={path: books}</c> are lists and mappings, everything else is taken letter for letter.
    /// </param>
    /// <exception cref="UserErrorException">The file or an override is not right: the message lists every problem with its
    /// place.</exception>
    public static T Load<T>(string file, params IEnumerable<string> overrides)
        where T : class, IExperimentConfig<T>
    {
        var path = Paths.Find(file);
        if (FileStatus.Of(path).Kind is FileKind.Missing or FileKind.Folder)
            throw Missing(file);
        var problems = new List<ConfigProblem>();
        return Parse<T>(
            ConfigBase.Under(RecordOf<T>(), Tree(path, problems), path, problems),
            Paths.Shown(path),
            overrides,
            problems
        );
    }

    /// <summary>What stands in a file; what is wrong with it is added to the problems.</summary>
    internal static ConfigNode? Tree(string path, List<ConfigProblem> problems) => Tree(Text(path), Paths.Shown(path), problems);

    private static ConfigNode? Tree(string yaml, string source, List<ConfigProblem> problems) =>
        ConfigYaml.Parse(yaml, mark => new ConfigPlace(source, (int)mark.Line, (int)mark.Column), problems);

    /// <summary>
    /// The text of a file, as far as a configuration may be one: whoever names a corpus or a device by mistake is told so.
    /// </summary>
    private static string Text(string path)
    {
        const int Longest = 1 << 20;
        SpecialFile.RefuseNamedPipe(path, "a configuration");
        if (!SpecialFile.Is(path))
            InputFile.Check(path);
        try
        {
            using var stream = SpecialFile.Is(path) ? SpecialFile.OpenRead(path) : InputFile.Open(path);
            var bytes = new byte[Longest + 1];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > Longest)
                throw new UserErrorException($"{Paths.Shown(path)} is larger than a megabyte: a configuration is not that large");
            if (bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
                throw new UserErrorException($"{Paths.Shown(path)} is UTF-16: save it as UTF-8");
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes, 0, length).TrimStart('\uFEFF');
            return text.IndexOf('\0') is >= 0 and var place
                ? throw new UserErrorException(
                    $"{Paths.Shown(path)}:{1 + text.AsSpan(0, place).Count('\n')} holds a zero byte: a configuration is text"
                )
                : text;
        }
        catch (DecoderFallbackException e)
        {
            throw new UserErrorException($"{Paths.Shown(path)} is not UTF-8 at byte {e.Index}: a configuration is text", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{Paths.Shown(path)} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>As <see cref="Load{T}"/>, from a text.</summary>
    /// <param name="yaml">The configuration.</param>
    /// <param name="source">What its places are called in messages: a file's name.</param>
    /// <param name="overrides">As for <see cref="Load{T}"/>.</param>
    /// <exception cref="UserErrorException">The text or an override is not right: the message lists every problem with its
    /// place.</exception>
    public static T Parse<T>(string yaml, string source, params IEnumerable<string> overrides)
        where T : class, IExperimentConfig<T>
    {
        var problems = new List<ConfigProblem>();
        return Parse<T>(Tree(yaml, source, problems), source, overrides, problems);
    }

    private static T Parse<T>(ConfigNode? root, string source, IEnumerable<string> overrides, List<ConfigProblem> problems)
        where T : class, IExperimentConfig<T>
    {
        if (root is null && problems.Count == 0)
            problems.Add(
                new ConfigProblem("", "the file is empty: it must set at least one key (--help lists them)", new ConfigPlace(source, 1, 1))
            );
        else if (root is not null and not ConfigMapping)
            problems.Add(
                new ConfigProblem(
                    "",
                    $"a configuration is a mapping: lines of the form key: "
                        + $"value{(root is ConfigScalar { Text: var word } ? YamlAdvice.Mapping(word) : "")}",
                    root.Place
                )
            );

        var given = ConfigOverrides.Apply(
            RecordOf<T>(),
            root as ConfigMapping ?? new ConfigMapping(new ConfigPlace(source, 1, 1), []),
            overrides,
            problems
        );
        return root is ConfigMapping ? Bound<T>(given, problems) : throw Error(problems);
    }

    /// <summary>A configuration without a file: the values of one key, and what the other arguments say.</summary>
    /// <exception cref="UserErrorException">An argument is not right: the message lists every problem.</exception>
    internal static T Of<T>(string key, IEnumerable<string> values, IEnumerable<string> overrides)
        where T : class, IExperimentConfig<T>
    {
        var problems = new List<ConfigProblem>();
        var place = new ConfigPlace("arguments");
        var items = values.Select(value => new ConfigScalar(new ConfigPlace($"argument {value}"), value, IsQuoted: true)).ToList();
        var root = new ConfigMapping(place, [new ConfigEntry(key, place, new ConfigSequence(place, items))]);
        return Bound<T>(ConfigOverrides.Apply(RecordOf<T>(), root, overrides, problems), problems);
    }

    private static ConfigRecordType RecordOf<T>() => (ConfigRecordType)ConfigTypes.Of(typeof(T));

    private static T Bound<T>(ConfigNode given, List<ConfigProblem> problems)
        where T : class, IExperimentConfig<T>
    {
        var type = RecordOf<T>();
        var binder = new ConfigBinder(type);
        var config = (T)binder.Bind(type, given, T.Defaults(given), "")!;
        problems.AddRange(binder.Problems);
        // Between keys there is something to check only when each is right.
        if (problems.Count == 0)
            problems.AddRange(config.Check().Select(problem => problem with { Place = problem.Place ?? PlaceOf(problem.Key, given) }));
        return problems.Count == 0 ? config : throw Error(problems);
    }

    /// <summary>
    /// A configuration as YAML, every default resolved, each key under what its documentation says; it loads back to an equal record.
    /// </summary>
    public static string ResolvedYaml<T>(T config)
        where T : notnull => ConfigWriter.Write(config);

    /// <summary>
    /// What a run of a configuration learns, as YAML: its keys but those that are <see cref="ExecutionOnlyAttribute"/>. Two runs for
    /// which it is the same learn the same from the same data.
    /// </summary>
    internal static string LearnedYaml<T>(T config)
        where T : notnull => ConfigWriter.Write(config, key => key.ChangesLearning);

    /// <summary>
    /// What a text that <see cref="LearnedYaml"/> wrote, by an older version too, says today, by dotted key: keys that it lacks have their
    /// defaults, and a value that cannot be read any more stands as it is written.
    /// </summary>
    /// <param name="saved">The text.</param>
    /// <param name="beside">Has the keys that the text leaves out and that defaults depend on, such as a size.</param>
    internal static IReadOnlyDictionary<string, string> LearnedValues<T>(string saved, T beside)
        where T : class, IExperimentConfig<T>
    {
        var written = ConfigValues.Of(saved);
        if (Tree(saved, "", []) is not ConfigMapping learned)
            return written;
        var given = Tree(ConfigWriter.Write(beside, key => !key.ChangesLearning), "", [])?.With([], learned) ?? learned;
        var type = RecordOf<T>();
        var binder = new ConfigBinder(type);
        var values = new Dictionary<string, string>(
            ConfigValues.Of(LearnedYaml((T)binder.Bind(type, given, T.Defaults(given), "")!))
        );
        foreach (var problem in binder.Problems)
            if (written.TryGetValue(problem.Key, out var value))
                values[problem.Key] = value;
        return values;
    }

    /// <summary>Whether a key of a configuration, by full dotted name, stands in <see cref="LearnedYaml"/>.</summary>
    internal static bool ChangesLearning<T>(string key) => RecordOf<T>().ChangesLearning(key);

    /// <summary>The dotted names of all keys.</summary>
    internal static IReadOnlyList<string> Names<T>() => [.. RecordOf<T>().FullNames()];

    /// <summary>What the value of a key may be, by full dotted name; null where there is no such key.</summary>
    internal static ConfigType? TypeAt<T>(string key) =>
        key.Split('.')
            .Aggregate(
                (ConfigType?)RecordOf<T>(),
                (type, name) =>
                    type switch
                    {
                        ConfigRecordType record => record.Keys.FirstOrDefault(one => one.Name == name)?.Type,
                        ConfigDictionaryType dictionary => dictionary.Value,
                        _ => null,
                    }
            );

    /// <summary>The place of a key, or of the nearest mapping around it that was written.</summary>
    private static ConfigPlace PlaceOf(string key, ConfigNode root)
    {
        var path = key.Split('.');
        return Enumerable
                .Range(1, path.Length)
                .Reverse()
                .Select(n => root.Find(string.Join('.', path[..n]))?.Place)
                .FirstOrDefault(place => place is not null)
            ?? root.Place;
    }

    private static UserErrorException Error(IReadOnlyCollection<ConfigProblem> problems)
    {
        var lines = problems
            .OrderBy(problem => problem.Place!.Line == 0).ThenBy(problem => problem.Place!.Line).ThenBy(problem => problem.Place!.Column)
            .Select(problem => $"{problem.Place}: {(problem.Key == "" ? "" : problem.Key + " ")}{problem.Message}")
            .Distinct()
            .ToList();
        return new UserErrorException(
            lines.Count == 1 ? lines[0] : $"{lines.Count} things are wrong with the configuration:\n  {string.Join("\n  ", lines)}"
        );
    }

    private static UserErrorException Missing(string file)
    {
        var looked = Paths.Candidates(file);
        var folders = looked.Select(path => Path.GetDirectoryName(path)!).Where(Directory.Exists).ToList();
        var others = folders
            .SelectMany(FolderFiles.In)
            .Where(path => Path.GetExtension(path) is ".yaml" or ".yml")
            .Select(path => Path.GetFileName(path)!)
            .Distinct()
            .Order()
            .ToList();
        var folder = Path.GetDirectoryName(file) ?? "";
        var suggestion =
            Directory.Exists(looked[0]) ? "that is a folder; a configuration is a file."
            : Spelling.Nearest(Path.GetFileName(file), others) is { } nearest ? $"did you mean {Path.Combine(folder, nearest)}?"
            : others.Count > 0 ? $"there are {string.Join(", ", others.Select(other => Path.Combine(folder, other)))}."
            : $"looked for {string.Join(" and ", looked)}.";
        return new UserErrorException($"there is no configuration {file}; {suggestion}");
    }
}
