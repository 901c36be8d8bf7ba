package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	port  = "27017"
	local = "127.0.0.1:" + port
	// Written just before the server itself starts; absent while it is being prepared.
	servingMark = scratch + "/.serving"
)

// greeting is the part of a server's answer to hello that matters here.
type greeting struct {
	// True for a primary, and for a server without replica sets.
	IsWritablePrimary bool `bson:"isWritablePrimary"`
	// Empty where the server is in no replica set, and so has no oplog.
	SetName string `bson:"setName"`
}

func health(ctx context.Context) error {
	if _, err := os.Stat(servingMark); err != nil {
		return errors.New("the server is being prepared")
	}
	answer, err := hello(ctx, local)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	if !answer.IsWritablePrimary {
		return errors.New("the server takes no writes yet")
	}
	return nil
}

func alive(ctx context.Context) error {
	mark, err := os.Stat(servingMark)
	// Without a mark the server is being prepared, which includes a recovery. A new mark means that
	// the server is opening its files: it listens when it has.
	if err != nil || time.Since(mark.ModTime()) < time.Minute {
		return nil
	}
	if _, err := hello(ctx, local); err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	return nil
}

const (
	opMsg = 2013
	// Length, request, response to, operation: four numbers of 32 bits.
	headerSize = 16
	// The flags, and the kind of the one section that follows.
	prefixSize = 5
	// An answer to hello has some hundred bytes.
	answerLimit = 1 << 20
)

// hello asks a server what it is, over one connection and without credentials. The driver would
// open several, and the server would log each; this is asked every few seconds.
func hello(ctx context.Context, address string) (greeting, error) {
	ctx, release := context.WithTimeout(ctx, 2*time.Second)
	defer release()
	var answer greeting
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return answer, err
	}
	defer connection.Close()
	deadline, _ := ctx.Deadline()
	if err := connection.SetDeadline(deadline); err != nil {
		return answer, err
	}
	question, err := bson.Marshal(bson.D{{Key: "hello", Value: 1}, {Key: "$db", Value: "admin"}})
	if err != nil {
		return answer, err
	}
	if _, err := connection.Write(message(question)); err != nil {
		return answer, err
	}
	document, err := readMessage(connection)
	if err != nil {
		return answer, err
	}
	return answer, bson.Unmarshal(document, &answer)
}

// message wraps a document for the wire.
func message(document []byte) []byte {
	length := headerSize + prefixSize + len(document)
	bytes := make([]byte, headerSize+prefixSize, length)
	binary.LittleEndian.PutUint32(bytes, uint32(length))
	binary.LittleEndian.PutUint32(bytes[12:], opMsg)
	return append(bytes, document...)
}

// readMessage unwraps the document of an answer.
func readMessage(from io.Reader) ([]byte, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(header)
	operation := binary.LittleEndian.Uint32(header[12:])
	if operation != opMsg || length < headerSize+prefixSize || length > answerLimit {
		return nil, errors.New("the answer is not MongoDB's")
	}
	body := make([]byte, length-headerSize)
	if _, err := io.ReadFull(from, body); err != nil {
		return nil, err
	}
	return body[prefixSize:], nil
}
