using Electra.Native;

namespace Electra.Tests.Native;

public class EnvironmentSwitchTests
{
    [Theory]
    [InlineData("ELECTRA_KERNELS", "plian", "plain")]
    [InlineData("ELECTRA_MKL", "1", "default")]
    [InlineData("ELECTRA_HEAP", "Default", "default")]
    [InlineData("ELECTRA_LOCKS", "off", "optional")]
    public void What_a_switch_does_not_know_is_refused(string variable, string set, string right)
    {
        var problem = Assert.Throws<UserErrorException>(() => EnvironmentSwitch.Check(name => name == variable ? set : null));
        Assert.Equal($"{variable} is {set}. It may be {right}, or not set.", problem.Message);
        EnvironmentSwitch.Check(name => name == variable ? right : "");
    }
}
