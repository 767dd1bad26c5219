namespace Electra.Scripting;

/// <summary>The script could not be started. The message is all that the user needs to see.</summary>
internal sealed class ScriptErrorException(string message) : Exception(message);
