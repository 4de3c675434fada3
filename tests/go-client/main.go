// Production code that needs a token for Storage and one for Key Vault: with one credential for
// both, then with one for each. Prints "local" for azup's own tokens, the others unchanged.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func credential() azcore.TokenCredential {
	var found azcore.TokenCredential
	var err error
	if os.Args[1] == "managed" {
		found, err = azidentity.NewManagedIdentityCredential(nil)
	} else {
		found, err = azidentity.NewDefaultAzureCredential(nil)
	}
	if err != nil {
		panic(err)
	}
	return found
}

func main() {
	shared := credential()
	for _, of := range []func() azcore.TokenCredential{func() azcore.TokenCredential { return shared }, credential} {
		for _, name := range []string{"storage.azure.com", "vault.azure.net"} {
			options := policy.TokenRequestOptions{Scopes: []string{"https://" + name + "/.default"}}
			token, err := of().GetToken(context.Background(), options)
			switch {
			case err != nil:
				fmt.Println("refused:", strings.Join(strings.Fields(err.Error()), " "))
			case strings.HasSuffix(token.Token, "."):
				fmt.Println("local")
			default:
				fmt.Println(token.Token)
			}
		}
	}
}
