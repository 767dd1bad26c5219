using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Electra.Native;

namespace Electra.Configuration;

/// <summary>The XML documentation of properties, as plain text: what the help and the written configurations say of a key.</summary>
internal static partial class ConfigDocumentation
{
    private static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, XElement>> MembersByAssembly = [];

    /// <summary>The summary of a property, or of the parameter that a positional record makes it from; empty where there is none.</summary>
    public static string Summary(PropertyInfo property)
    {
        var declaring = property.DeclaringType!;
        var candidates = declaring.GetInterfaces().Select(i => i.GetProperty(property.Name)).OfType<PropertyInfo>().Prepend(property);
        return candidates.Select(Element).Select(PlainText).FirstOrDefault(text => text != "") ?? "";
    }

    /// <summary>The summary of a value of an enumeration; empty where there is none.</summary>
    public static string Summary(FieldInfo value) =>
        PlainText(
            MembersByAssembly
                .GetOrAdd(value.DeclaringType!.Assembly, Read)
                .GetValueOrDefault($"F:{value.DeclaringType.FullName!.Replace('+', '.')}.{value.Name}")
                ?.Element("summary")
        );

    private static XElement? Element(PropertyInfo property)
    {
        var type = property.DeclaringType!.IsGenericType ? property.DeclaringType.GetGenericTypeDefinition() : property.DeclaringType;
        var members = MembersByAssembly.GetOrAdd(type.Assembly, Read);
        var typeName = type.FullName!.Replace('+', '.');
        return members.GetValueOrDefault($"P:{typeName}.{property.Name}")?.Element("summary")
            ?? members
                .GetValueOrDefault($"T:{typeName}")
                ?.Elements("param")
                .FirstOrDefault(p => (string?)p.Attribute("name") == property.Name);
    }

    private static string PlainText(XElement? element)
    {
        if (element is null)
            return "";
        var text = string.Concat(
            element
                .DescendantNodes()
                .Select(node =>
                    node switch
                    {
                        XText words => words.Value,
                        XElement { IsEmpty: true } reference
                            when (reference.Attribute("langword") ?? reference.Attribute("name") ?? reference.Attribute("cref"))
                                is { } name => name.Value.Split('(')[0].Split('.', ':')[^1],
                        _ => "",
                    }
                )
        );
        return Whitespace().Replace(text, " ").Trim();
    }

    /// <summary>The members in the XML file beside an assembly, or in the library's own folders.</summary>
    private static IReadOnlyDictionary<string, XElement> Read(Assembly assembly)
    {
        var file = LibraryFolders.All.Prepend(Path.GetDirectoryName(assembly.Location))
            .Where(folder => !string.IsNullOrEmpty(folder))
            .Select(folder => Path.Combine(folder!, assembly.GetName().Name + ".xml"))
            .FirstOrDefault(File.Exists);
        try
        {
            return file is null
                ? new Dictionary<string, XElement>()
                : XDocument
                    .Load(file)
                    .Descendants("member")
                    .GroupBy(m => (string)m.Attribute("name")!)
                    .ToDictionary(m => m.Key, m => m.First());
        }
        catch (XmlException)
        {
            // Help without summaries is better than none.
            return new Dictionary<string, XElement>();
        }
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
