// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {GrantsCharter} from "./GrantsCharter.sol";

/// @title What a buyer can ask for
/// @notice Formats: specs/grants.md.
abstract contract GrantsTerms is GrantsCharter {
    /// @notice All that a buyer asks for. Its hash is the request's identifier, and the nonce of the payment.
    struct Terms {
        address buyer;
        /// X25519 public key that results are encrypted to.
        bytes32 buyerKey;
        /// QUERY or COPY.
        uint8 use;
        /// Kinds of records in scope, ASCII, ascending.
        bytes32[] kinds;
        /// Years in scope, both included; records without a time are of year 0.
        uint16 fromYear;
        uint16 toYear;
        /// The snapshot the use is computed on: contributions of this and earlier epochs.
        uint64 lastEpoch;
        /// Keccak-256 of the code: the canonical text of the query.
        bytes32 codeHash;
        /// Members that every cell of the output must have.
        uint32 groupSize;
        /// Privacy that a use costs, in millionths: the epsilon of its noise. Of a copy 0.
        uint64 epsilon;
        /// Payment units for each use.
        uint256 price;
        uint32 uses;
        /// Last second at which a use can be opened; then the money goes back.
        uint64 expiry;
        bytes32 salt;
    }

    /// @notice Numbers computed over records; nothing of their text.
    uint8 public constant QUERY = 1;
    /// @notice The records themselves.
    uint8 public constant COPY = 2;
    uint256 public constant MAX_CODE = 8192;
    uint256 public constant MAX_KINDS = 16;
    uint256 public constant MAX_USES = 1000;
    uint256 public constant MAX_LIFE = 180 days;

    /// @notice Requests name the latest snapshot.
    error NotSnapshot(uint64 given, uint64 latest);
    /// @notice The code is not the one whose hash is in the terms.
    error CodeMismatch(bytes32 given, bytes32 expected);

    /// @notice Identifier of a request: hash of chain, contract and all terms.
    function requestId(Terms calldata t) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), t));
    }

    function _checkTerms(Terms calldata t, bytes calldata code) internal view {
        if (t.use != QUERY && t.use != COPY) revert TermsOutOfRange("use");
        if (t.buyer == address(0) || t.buyerKey == 0) revert TermsOutOfRange("buyer");
        if (t.kinds.length == 0 || t.kinds.length > MAX_KINDS) revert TermsOutOfRange("kinds");
        bytes32 previous = 0;
        for (uint256 i = 0; i < t.kinds.length; i++) {
            if (t.kinds[i] <= previous) revert TermsOutOfRange("kinds");
            previous = t.kinds[i];
        }
        if (t.fromYear > t.toYear || t.toYear > 9999) revert TermsOutOfRange("years");
        if (t.lastEpoch == 0 || t.lastEpoch != snapshotEpoch) revert NotSnapshot(t.lastEpoch, snapshotEpoch);
        if (t.groupSize < _charter.minimumGroupSize) revert TermsOutOfRange("groupSize");
        if (t.use == COPY ? t.epsilon != 0 : t.epsilon == 0 || t.epsilon > _charter.budget) {
            revert TermsOutOfRange("epsilon");
        }
        if (t.uses == 0 || t.uses > MAX_USES) revert TermsOutOfRange("uses");
        if (t.price == 0 || t.price > type(uint96).max / MAX_USES) revert TermsOutOfRange("price");
        if (t.expiry <= block.timestamp || t.expiry > block.timestamp + MAX_LIFE) revert TermsOutOfRange("expiry");
        if (code.length == 0 || code.length > MAX_CODE) revert TermsOutOfRange("code");
        if (keccak256(code) != t.codeHash) revert CodeMismatch(keccak256(code), t.codeHash);
    }
}
