using System.Diagnostics;
using System.Text.Json;

public sealed class Azurite : IDisposable
{
    private readonly Process azup;

    public Azurite()
    {
        azup = Process.Start(new ProcessStartInfo("azup", "up --json --until-eof")
        {
            RedirectStandardInput = true, // open for as long as Azurite is to run
            RedirectStandardOutput = true,
        })!;
        string text = "", line;
        while ((line = azup.StandardOutput.ReadLine()!) != null && line != "}") text += line;
        var document = JsonDocument.Parse(text + "}").RootElement;
        foreach (var variable in document.GetProperty("environment").EnumerateObject())
            Environment.SetEnvironmentVariable(variable.Name, variable.Value.GetString());
    }

    public void Dispose()
    {
        azup.StandardInput.Close();
        azup.WaitForExit();
    }
}
