package main

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// answering is a server that reads one message and gives one answer.
func answering(t *testing.T, answer []byte) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		if _, err := readMessage(connection); err == nil {
			_, _ = connection.Write(answer)
			// A server that says nothing more keeps its connection.
			_, _ = io.Copy(io.Discard, connection)
		}
	}()
	return listener.Addr().String()
}

func document(t *testing.T, value any) []byte {
	t.Helper()
	bytes, err := bson.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func TestHello(t *testing.T) {
	for _, want := range []bool{true, false} {
		answer := message(document(t, bson.M{"ok": 1.0, "isWritablePrimary": want, "setName": "rs0"}))
		got, err := hello(t.Context(), answering(t, answer))
		if err != nil || got.IsWritablePrimary != want {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

func TestHelloGivesUp(t *testing.T) {
	started := time.Now()
	if _, err := hello(t.Context(), answering(t, nil)); err == nil {
		t.Error("accepted silence")
	}
	if waited := time.Since(started); waited > 4*time.Second {
		t.Errorf("waited %v", waited)
	}
}

func TestReadMessageRefusesOtherProtocols(t *testing.T) {
	for _, text := range []string{"", "HTTP/1.1 400 Bad Request\r\n", string(make([]byte, 64))} {
		if _, err := readMessage(bytes.NewReader([]byte(text))); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}
