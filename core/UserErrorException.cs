namespace Electra;

/// <summary>
/// Something the user can put right: a misspelt key, a missing file, a checkpoint of another shape. Its message stands alone: it
/// says what is wrong, where, and what would be right, and is shown without a stack trace.
/// </summary>
/// <param name="message">What is wrong, where (file, line, key), and what would be right.</param>
/// <param name="innerException">The cause, kept for debugging; never shown to the user.</param>
public class UserErrorException(string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>The message alone: script hosts print what escapes a script in this form.</summary>
    public override string ToString() => Message;
}
