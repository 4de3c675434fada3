package app

import (
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"testing"
)

// One Azurite for the tests of this package. It ends with them, however they end.
func TestMain(m *testing.M) {
	azup := exec.Command("azup", "up", "--json", "--until-eof")
	azup.Stderr = os.Stderr
	stdin, _ := azup.StdinPipe() // open for as long as Azurite is to run
	stdout, _ := azup.StdoutPipe()
	if err := azup.Start(); err != nil {
		log.Fatal(err)
	}
	var azurite struct{ Environment map[string]string }
	if err := json.NewDecoder(stdout).Decode(&azurite); err != nil || azurite.Environment == nil {
		log.Fatal("azup has not started Azurite")
	}
	for name, value := range azurite.Environment {
		os.Setenv(name, value) // before the first TLS connection
	}
	code := m.Run()
	stdin.Close()
	azup.Wait()
	os.Exit(code)
}
