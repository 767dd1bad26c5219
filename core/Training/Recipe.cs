namespace Electra.Training;

/// <summary>Whose choices the defaults are. A recipe only sets values that a configuration can set one by one.</summary>
public enum Recipe
{
    /// <summary>richarddwang/electra_pytorch, which replicated ELECTRA's GLUE results.</summary>
    ElectraPytorch,

    /// <summary>google-research/electra.</summary>
    Google,
}
