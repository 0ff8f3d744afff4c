// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {GrantsEscrow} from "./GrantsEscrow.sol";

/// @title What runners sign, and what they have at stake for it
/// @notice Formats: specs/grants.md.
abstract contract GrantsRunners is GrantsEscrow, EIP712Upgradeable {
    /// @notice What a runner signs as its result of a use.
    struct Result {
        bytes32 request;
        uint32 use;
        bytes32 resultHash;
        bytes32 inputsHash;
        address runner;
    }

    /// @notice The result of a use, until it is settled.
    struct Posting {
        address runner;
        /// What each runner has at stake for this use: what the charter said when it was opened.
        uint96 stake;
        bytes32 resultHash;
        bytes32 inputsHash;
        /// Last second at which another runner can begin to compute it again; while one does, when it began.
        uint64 until;
        /// Who computed something else, and what; zero while nobody did.
        address challenger;
        bytes32 otherResultHash;
        bytes32 otherInputsHash;
    }

    /// @notice How much longer a pause can make the time for disputing, in seconds.
    uint256 public constant MAX_PAUSE = 30 days;

    bytes32 internal constant OPEN_USE_TYPEHASH =
        keccak256("OpenUse(bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner)");
    bytes32 internal constant CHALLENGE_TYPEHASH =
        keccak256("Challenge(bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner)");
    bytes32 private constant RESULT_TYPEHASH =
        keccak256("Result(bytes32 request,uint32 use,bytes32 resultHash,bytes32 inputsHash,address runner)");
    bytes32 private constant FAILURE_TYPEHASH =
        keccak256("Failure(bytes32 request,uint32 use,bytes32 code,address runner)");

    /// @notice Payment units of a runner's stake that uses hang on which are not over.
    mapping(address runner => uint256) public atRisk;

    /// @notice The account is no registered runner.
    error NotRunner(address account);
    /// @notice The signature is not the runner's, or is for other data.
    error InvalidSignature(address signer);
    /// @notice A guardian has paused the asset until then.
    error Paused(uint256 until);
    /// @notice The runner has too little at stake for another use.
    error StakeTooSmall(uint256 stake, uint256 needed);

    /// @notice What a runner signs as its result (EIP-712).
    function resultDigest(Result memory r) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(RESULT_TYPEHASH, r)));
    }

    function _checkKey(
        bytes32 typehash,
        bytes32 id,
        uint32 use,
        bytes32 oneTimeKey,
        uint32 keyVersion,
        address runner,
        bytes calldata signature
    ) internal view {
        bytes32 structHash = keccak256(abi.encode(typehash, id, use, oneTimeKey, keyVersion, runner));
        _checkSignature(runner, _hashTypedDataV4(structHash), signature);
    }

    function _checkResult(Result memory r, bytes calldata signature) internal view {
        _checkSignature(r.runner, resultDigest(r), signature);
    }

    function _checkFailure(bytes32 id, uint32 use, bytes32 code, address runner, bytes calldata signature)
        internal
        view
    {
        bytes32 structHash = keccak256(abi.encode(FAILURE_TYPEHASH, id, use, code, runner));
        _checkSignature(runner, _hashTypedDataV4(structHash), signature);
    }

    /// From here on one more use hangs on what the runner has at stake.
    function _bind(address runner, uint256 stake) internal {
        uint256 needed = atRisk[runner] + stake;
        uint256 active = stakes.activeOf(runner);
        if (active < needed) revert StakeTooSmall(active, needed);
        atRisk[runner] = needed;
    }

    /// Of a use that is over: nothing hangs on it any more.
    function _free(Posting storage p) internal {
        if (p.runner != address(0)) atRisk[p.runner] -= p.stake;
        if (p.challenger != address(0)) atRisk[p.challenger] -= p.stake;
        (p.runner, p.challenger) = (address(0), address(0));
    }

    /// A pause, in which nobody can compute anything, gives the whole time anew; but no vote holds up money for ever.
    function _disputableUntil(Posting storage p) internal view returns (uint256) {
        uint256 paused = registry.pausedUntil();
        uint256 last = uint256(p.until) + MAX_PAUSE;
        if (paused > last) return last;
        uint256 until = paused + _charter.challengeTime;
        return until < p.until ? p.until : until > last ? last : until;
    }

    function _checkSignature(address signer, bytes32 digest, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, digest, signature)) revert InvalidSignature(signer);
    }

    function _EIP712Name() internal pure override returns (string memory) {
        return "Trove Grants";
    }

    function _EIP712Version() internal pure override returns (string memory) {
        return "1";
    }
}
