// Command probe is what the tests run in pods: a server that says where it runs, and a client that asks it. It stands in for
// the shell, wget and nslookup of a test image, in one static file.
//
//	probe serve [--port 8080]                               answers / with its hostname and addresses, logs each request
//	probe get URL [--tries N] [--within DURATION]           prints the answer to a GET, trying until it is 200
//	probe resolve NAME [--tries N] [--within DURATION]      prints the addresses of a name, asked as the pod's resolv.conf says
//	probe run                                               sleeps until it is told to end
//
// Exit status: 0 done, 1 no answer in time, 2 wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	perTry       = 5 * time.Second
	betweenTries = time.Second
)

var errUsage = errors.New("usage: probe serve [--port N] | get URL | resolve NAME [--tries N] [--within DURATION] | run")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	command := "run"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	port := flags.Int("port", 8080, "")
	tries := flags.Int("tries", 0, "")
	within := flags.Duration("within", 60*time.Second, "")
	operands, err := parse(flags, args)
	if err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	switch {
	case command == "serve" && len(operands) == 0:
		return serve(ctx, *port)
	case command == "get" && len(operands) == 1:
		return persist(ctx, *tries, *within, func(ctx context.Context) error { return get(ctx, operands[0]) })
	case command == "resolve" && len(operands) == 1:
		return persist(ctx, *tries, *within, func(ctx context.Context) error { return resolve(ctx, operands[0]) })
	case (command == "run" || command == "sleep") && len(operands) == 0:
		<-ctx.Done()
		return nil
	}
	return errUsage
}

// parse reads flags wherever they stand; package flag alone stops at the first operand.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	var operands []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return operands, nil
		}
		operands, args = append(operands, flags.Arg(0)), flags.Args()[1:]
	}
}

// persist tries until it succeeds, the tries are used up (0: never) or the time is.
func persist(ctx context.Context, tries int, within time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for tried := 1; ; tried++ {
		tryCtx, cancelTry := context.WithTimeout(ctx, perTry)
		err := try(tryCtx)
		cancelTry()
		if err == nil {
			return nil
		}
		if tried == tries {
			return fmt.Errorf("gave up after %d tries: %w", tried, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up after %d tries, %w: %w", tried, context.Cause(ctx), err)
		case <-time.After(betweenTries):
			fmt.Fprintln(os.Stderr, "probe: trying again:", err)
		}
	}
}

func get(ctx context.Context, url string) error {
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	_, err = os.Stdout.Write(body)
	return err
}

func resolve(ctx context.Context, name string) error {
	resolver := net.Resolver{PreferGo: true}
	addresses, err := resolver.LookupHost(ctx, name)
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(addresses, "\n"))
	return nil
}

func serve(ctx context.Context, port int) error {
	server := http.Server{
		Addr: fmt.Sprintf(":%d", port),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Printf("%s %s from %s\n", r.Method, r.URL.Path, r.RemoteAddr)
			fmt.Fprint(w, whereabouts())
		}),
	}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	fmt.Printf("serving on port %d\n", port)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// whereabouts is the hostname on one line and each address, loopback's aside, on another.
func whereabouts() string {
	var text strings.Builder
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "unknown: " + err.Error()
	}
	fmt.Fprintln(&text, "hostname", hostname)
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		fmt.Fprintln(&text, "address unknown:", err)
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLoopback() {
			fmt.Fprintln(&text, "address", network.IP)
		}
	}
	return text.String()
}
